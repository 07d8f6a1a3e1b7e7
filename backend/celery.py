"""The Celery app and the timetable: every periodic job on one page.

The broker may lose, repeat and delay; it is only a doorbell. Every unit of money work is a row
in PostgreSQL in a to-do state, these jobs find the rows still there, and doing a row twice is
impossible by unique key. So a lost message costs at most one period, a doubled beat nothing.
"""

import os

from backend import embedded

embedded.ensure()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")
os.environ.setdefault("TUIKE_JOB", "1")

from celery import Celery  # noqa: E402
from celery.schedules import crontab  # noqa: E402
from django.conf import settings  # noqa: E402

app = Celery("tuike")
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    timezone="UTC",
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    worker_soft_shutdown_timeout=20,
    task_time_limit=240,
    task_soft_time_limit=210,
    broker_connection_retry_on_startup=True,
    broker_pool_acquire_timeout=5,
    broker_transport_options={
        "visibility_timeout": 300,
        # kombu sweeps unacked messages every interval × throttle seconds: 100 by default.
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
    },
    worker_hijack_root_logger=False,
    beat_schedule={
        name: {"task": task, "schedule": schedule, "options": {"expires": expires}}
        for name, task, schedule, expires in [
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
            ("touches", "commissions.store_touches", 1.0, 1),
            ("settle", "commissions.settle_due", 10.0, 10),
            ("fold", "commissions.fold_balances", 10.0, 10),
            ("send", "commissions.send_payouts", 5.0, 5),
            ("reconcile", "commissions.reconcile_payouts", 10.0, 10),
            ("books", "commissions.check_books", crontab(minute=41), 3600),
            ("forget-keys", "backend.forget_old", crontab(minute=17), 3600),
        ]
    },
)
app.autodiscover_tasks(["backend", "shops", "notes", "commissions"])
