"""The Celery app and the timetable: every periodic job on one page.

The broker may lose, repeat and delay; it is only a doorbell. Every unit of money work is a row
in PostgreSQL in a to-do state, these jobs find the rows still there, and doing a row twice is
impossible by unique key. So a lost message costs at most one period, a doubled beat nothing.
"""

import gc
import os
from typing import Any

from backend import embedded

embedded.ensure()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")
os.environ.setdefault("TUIKE_JOB", "1")

from celery import Celery  # noqa: E402
from celery.app.amqp import AMQP  # noqa: E402
from celery.schedules import crontab  # noqa: E402
from celery.signals import worker_process_init  # noqa: E402
from django.conf import settings  # noqa: E402
from kombu import Connection  # noqa: E402

# Seconds between two tries to reach a broker that is away.
RETRY = 0.5
# Seconds that a message may wait for a worker; a job with a longer period waits one period.
FRESH = 30


class Patient(Connection):
    """A connection that looks for its broker twice a second, for as long as it takes.

    Kombu's own waits 2, 4, 6 … 30 seconds between its tries: a worker came back 6 seconds after a
    broker that was away for 6, and 12 seconds after one that was away for 30 (measured).
    """

    def ensure_connection(self, *args: Any, **more: Any) -> Any:
        """As kombu's, at a steady pace."""
        steady = {"interval_start": RETRY, "interval_step": 0, "interval_max": RETRY}
        return super().ensure_connection(*args, **steady | more)

    def _do_close_transport(self) -> None:
        """As kombu's, but the transport goes on knowing its broker.

        Where a broker dies under a running task, Celery acknowledges the task, or hands it back,
        through the closed channel. kombu has forgotten the broker's address by then: an
        AttributeError that nobody expects ended the worker at 9 of 20 kills (measured). With the
        address it is a connection error, or even works.
        """
        self._transport = None


class Messages(AMQP):
    """Celery's, over patient connections."""

    Connection = Patient


app = Celery("tuike", amqp=Messages)
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    # Nobody reads results: each job writes rows, and its heartbeat. One write less per task.
    task_ignore_result=True,
    # Nothing is ever unpickled: who can write to the broker must not run code of their own.
    task_serializer="json",
    accept_content=["json"],
    timezone="UTC",
    # A task is acknowledged when it is done; one whose process was killed goes back at once.
    # Without the second a dead pool child counts as done, late or not.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # A process holds the message it works on and no other, which a kill would delay.
    worker_prefetch_multiplier=1,
    # What a lost broker hands out again does not run beside itself.
    worker_cancel_long_running_tasks_on_connection_loss=True,
    # Shorter than the 30 seconds after which containers are killed.
    worker_soft_shutdown_timeout=20,
    # Shorter than the visibility timeout below, so that no task is handed out while it runs.
    task_time_limit=240,
    task_soft_time_limit=210,
    # A message that cannot be sent is not tried again, the next sweep is: trying held the beat up
    # for 6 seconds a message.
    task_publish_retry=False,
    broker_connection_retry_on_startup=True,
    # For ever: after Celery's 100 tries a worker would end, and a broker may be away all night.
    broker_connection_max_retries=None,
    # Waits for a free connection of the pool no longer; the default is for ever.
    broker_pool_acquire_timeout=5,
    broker_transport_options={
        # Seconds after which a message that was taken and never acknowledged is handed out again.
        # No countdown and no eta may be longer: the sweeps are the only timers.
        "visibility_timeout": 300,
        # Kombu looks for such messages every interval × throttle seconds: 100 by default.
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        # The lock of that search outlives a killed worker: 300 seconds by default.
        "unacked_mutex_expire": 30,
        # Without these a connection whose other end vanished is waited on for ever.
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 10,
        # A publisher's connection fails at its first try instead of after 6 seconds.
        "max_retries": 0,
    },
    worker_hijack_root_logger=False,
    beat_schedule={
        name: {
            "task": task,
            "schedule": schedule,
            # A broker that was away hands over no heap of old sweeps. Half a minute and not one
            # period: with clocks a second apart the shortest jobs would expire unseen.
            "options": {"expires": max(period, FRESH)},
        }
        for name, task, schedule, period in [
            ("relay", "backend.drain_events", 1.0, 1),
            ("orders-expire", "shops.expire_checkouts", 30.0, 30),
            ("orders-receive", "shops.receive_overdue", 60.0, 60),
            ("orders-complete", "shops.complete_orders", 10.0, 10),
            ("refunds-answer", "shops.answer_overdue_refunds", 60.0, 60),
            ("refunds-complete", "shops.complete_refunds", 2.0, 2),
            ("payments-return", "shops.return_payments", 10.0, 10),
            ("metrics", "shops.roll_up_metrics", 2.0, 2),
            ("ranking", "notes.rank_notes", 30.0, 30),
            ("recount", "notes.recount", crontab(hour=19, minute=40), 3600),  # 03:40 in Shanghai
            ("uploads", "notes.sweep_uploads", crontab(minute=29), 3600),
            ("files", "notes.sweep_files", crontab(hour=20, minute=10), 3600),  # 04:10 in Shanghai
            ("touches", "commissions.store_touches", 1.0, 1),
            ("settle", "commissions.settle_due", 10.0, 10),
            ("periods", "commissions.close_periods", 60.0, 60),
            ("fold", "commissions.fold_balances", 10.0, 10),
            ("send", "commissions.send_payouts", 5.0, 5),
            ("reconcile", "commissions.reconcile_payouts", 10.0, 10),
            ("conversions", "commissions.take_conversions", 5.0, 5),
            ("risks", "commissions.scan_risks", 60.0, 60),
            ("risks-all", "commissions.scan_all_risks", crontab(hour=17, minute=20), 3600),
            ("bounties", "commissions.run_bounties", 60.0, 60),
            ("what-ifs", "commissions.run_what_ifs", 10.0, 10),
            ("books", "commissions.check_books", crontab(minute=41), 3600),
            ("count", "commissions.count_promoters", crontab(minute="7,22,37,52"), 900),
            # 04:20 in Shanghai.
            ("compliance", "commissions.report_compliance", crontab(hour=20, minute=20), 3600),
            ("webhooks", "webhooks.send", 1.0, 1),
            ("forget-webhooks", "webhooks.forget_old", crontab(minute=37), 3600),
            ("forget-keys", "backend.forget_old", crontab(minute=17), 3600),
        ]
    },
)
app.autodiscover_tasks(["backend", "backend.webhooks", "shops", "notes", "commissions"])


@worker_process_init.connect
def spare_what_is_loaded(**_: Any) -> None:
    """What stands in memory before the first job stays there: searching all of it for garbage at
    every turn took a quarter of the relay's Python time (measured: 54 against 40 µs an order)."""
    gc.freeze()
