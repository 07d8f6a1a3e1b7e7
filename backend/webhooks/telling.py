"""Telling: brings the outbox of webhooks into agreement with what has happened.

State-based as the accrual is: nothing here believes an event. What is true of the named orders,
commission orders and payouts, and has happened since an endpoint listens, becomes one row an
endpoint and fact; (endpoint, event id) is unique, so deriving twice, late or in another order
writes nothing new. Rows go after 30 days (backend.webhooks.sending), so what is nearly as old is
never derived: it was told, and forgotten. The relay calls it through events of its own
(backend/relay.py): a mistake in here is retried and parked by itself, and never holds a commission
up.

What stands in `data` is the thing as it is when the row is written: ids, states, fen, UTC. Nobody
reads of another person there: no buyer, and of a commission's parts the own ones; a shop reads the
amounts that it owes by role, the whole market the payees' account ids as well.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from backend.core.models import Event
from backend.core.sql import numbers, run, value
from backend.webhooks import rights

REMEMBERED = timedelta(days=30)
# A day less than deliveries are kept: the clock that a fact was stamped by may be ahead of ours.
NEWS = timedelta(days=29)

# Who listens: also whom we switched off, so that nothing is missing when they come back within 30
# days. An owner who may no longer see the rows is not told of them.
_LISTENING = f"""
listening AS MATERIALIZED (
    SELECT e.id, e.account_id, e.scope, e.shop_id, e.kinds,
        greatest(e.since, %(news_since)s::timestamptz) AS since
    FROM webhooks_webhookendpoint e {rights.OWNERS}
    WHERE (e.status = 'active'
           OR (e.off_reason = 'failing' AND e.off_at >= %(off_since)s::timestamptz))
      AND {rights.SEES}
)
"""
_INSERT = """
INSERT INTO webhooks_webhookdelivery
    (endpoint_id, event_id, kind, data, occurred_at, created_at, state, tries, calls, due_at)
SELECT told.endpoint_id, told.kind || '.' || told.subject, told.kind, told.data, told.at,
       %(at)s::timestamptz, 'waiting', 0, 0, %(at)s::timestamptz
FROM told ORDER BY told.at, told.place, told.endpoint_id
ON CONFLICT (endpoint_id, event_id) DO NOTHING
"""

_ORDERS = f"""
WITH {_LISTENING},
fact AS (
    SELECT o.id, o.shop_id, f.kind, f.subject, f.at, f.more, f.place
    FROM shops_order o CROSS JOIN LATERAL (
        SELECT 1 AS place, 'order.paid' AS kind, o.id::text AS subject, o.paid_at AS at,
               '{{}}'::jsonb AS more
        UNION ALL SELECT 2, 'order.shipped', o.id::text, o.shipped_at, '{{}}'
        UNION ALL SELECT 3, 'order.completed', o.id::text, o.completed_at, '{{}}'
        UNION ALL SELECT 4, 'order.refunded', o.id || '.' || r.id, r.succeeded_at,
            jsonb_build_object('refund', jsonb_build_object('number', r.number,
                'amount_fen', r.amount_fen, 'shipping_fen', r.shipping_fen))
        FROM shops_refund r WHERE r.order_id = o.id AND r.status = 'succeeded'
    ) f
    WHERE o.id = ANY(%(ids)s::bigint[]) AND f.at IS NOT NULL AND o.status <> 'external'
),
told AS (
    SELECT e.id AS endpoint_id, f.kind, f.subject, f.at, f.place, f.more || jsonb_build_object(
        'order', o.number, 'shop', o.shop_id, 'status', o.status,
        'paid_fen', o.paid_fen, 'refunded_fen', o.refunded_fen, 'shipping_fen', o.shipping_fen,
        'paid_at', o.paid_at, 'shipped_at', o.shipped_at, 'received_at', o.received_at,
        'completed_at', o.completed_at,
        'lines', (SELECT jsonb_agg(jsonb_build_object('line', l.id, 'product', l.product_id,
            'sku', l.sku_id, 'qty', l.qty, 'paid_fen', l.paid_fen,
            'refunded_fen', l.refunded_fen) ORDER BY l.id)
            FROM shops_orderline l WHERE l.order_id = o.id)) AS data
    FROM fact f JOIN shops_order o ON o.id = f.id
    JOIN listening e ON f.kind = ANY(e.kinds) AND f.at >= e.since
        AND (e.scope = 'market' OR (e.scope = 'shop' AND e.shop_id = f.shop_id))
)
{_INSERT}
"""

_COMMISSIONS = """
WITH {listening},
chosen AS (
    -- What a partner tells of late is news when it is told.
    SELECT c.*, o.number AS order_number, CASE WHEN o.id = ANY(%(received)s::bigint[])
        THEN %(received_by)s::timestamptz ELSE o.received_at END AS received_at
    FROM commissions_commissionorder c
    JOIN shops_orderline l ON l.id = c.order_line_id JOIN shops_order o ON o.id = l.order_id
    WHERE {which} AND EXISTS (SELECT 1 FROM listening)
),
fact AS (
    SELECT c.id, f.kind, f.subject, f.at, f.place, f.before
    FROM chosen c CROSS JOIN LATERAL (
        SELECT 1 AS place, 'commission.estimated' AS kind, c.id::text AS subject,
            c.accrued_at AS at, NULL::jsonb AS before
        UNION ALL SELECT 2, 'commission.confirmed', c.id::text,
            greatest(c.accrued_at, c.received_at), NULL WHERE c.matures_at IS NOT NULL
        UNION ALL SELECT 3, 'commission.reversed', c.id || '.' || v.id, v.at, NULL
            FROM commissions_commissionreversal v WHERE v.commission_id = c.id
        UNION ALL SELECT 4, 'commission.changed', c.id || '.' || w.number, w.at,
            w.before->'splits'
            FROM commissions_attributionoverride w WHERE w.commission_id = c.id
        UNION ALL SELECT 5, 'commission.settled', c.id::text, r.started_at, NULL
            FROM commissions_settlementrun r WHERE r.id = c.settlement_run_id
    ) f
    WHERE c.budget_fen > 0 AND f.at IS NOT NULL
),
told AS (
    SELECT e.id AS endpoint_id, f.kind, f.subject, f.at, f.place, jsonb_build_object(
        'commission', c.id, 'order', c.order_number, 'line', c.order_line_id, 'shop', c.shop_id,
        'status', c.status, 'reason', c.reason, 'base_fen', c.base_fen,
        'matures_at', c.matures_at, 'amount_fen', coalesce(p.amount, 0),
        'reversed_fen', coalesce(p.reversed, 0), 'net_fen', coalesce(p.amount - p.reversed, 0),
        'parts', coalesce(p.parts, '[]'::jsonb)) AS data
    FROM fact f JOIN chosen c ON c.id = f.id
    JOIN listening e ON f.kind = ANY(e.kinds) AND f.at >= e.since
        AND (e.scope <> 'shop' OR e.shop_id = c.shop_id)
    CROSS JOIN LATERAL (
        SELECT sum(s.amount_fen) AS amount, sum(s.reversed_fen) AS reversed,
            jsonb_agg(jsonb_build_object('role', s.role, 'amount_fen', s.amount_fen,
                'reversed_fen', s.reversed_fen) || CASE e.scope WHEN 'market'
                THEN jsonb_build_object('payee', s.payee_id) ELSE '{{}}'::jsonb END
                ORDER BY s.id) AS parts
        FROM commissions_commissionsplit s
        WHERE s.commission_id = c.id AND s.payee_id IS NOT NULL
          AND (e.scope <> 'own' OR s.payee_id = e.account_id)
    ) p
    -- Of a change those are told as well who had a part until then.
    WHERE e.scope <> 'own' OR p.parts IS NOT NULL
       OR f.before @> jsonb_build_array(jsonb_build_object('payee_id', e.account_id))
)
{insert}
"""


def _commissions(which: str) -> str:
    return _COMMISSIONS.format(listening=_LISTENING, insert=_INSERT, which=which)


_OF_ORDERS = _commissions("l.order_id = ANY(%(ids)s::bigint[])")
_OF_COMMISSIONS = _commissions("c.id = ANY(%(ids)s::bigint[])")
_OF_RUNS = _commissions("c.settlement_run_id = ANY(%(ids)s::bigint[])")

_PAYOUTS = f"""
WITH {_LISTENING},
fact AS (
    SELECT p.id, f.kind, f.at, f.place FROM commissions_payout p CROSS JOIN LATERAL (
        SELECT 1 AS place, 'payout.requested' AS kind, p.requested_at AS at
        UNION ALL SELECT 2, 'payout.approved', p.approved_at
        UNION ALL SELECT 3, 'payout.' || p.status, p.finished_at
    ) f
    WHERE p.id = ANY(%(ids)s::bigint[]) AND f.at IS NOT NULL
),
told AS (
    SELECT e.id AS endpoint_id, f.kind, f.id::text AS subject, f.at, f.place, jsonb_build_object(
        'payout', p.number, 'status', p.status, 'amount_fen', p.amount_fen, 'fee_fen', p.fee_fen,
        'requested_at', p.requested_at, 'approved_at', p.approved_at,
        'finished_at', p.finished_at) || CASE e.scope
        WHEN 'market' THEN jsonb_build_object('account', p.account_id)
        ELSE jsonb_build_object('reason', p.reason) END AS data
    FROM fact f JOIN commissions_payout p ON p.id = f.id
    JOIN listening e ON f.kind = ANY(e.kinds) AND f.at >= e.since
        AND (e.scope = 'market' OR (e.scope = 'own' AND e.account_id = p.account_id))
)
{_INSERT}
"""


# When the events were due: of one that is put back in line long afterwards, that is then.
_MOMENT = "SELECT max(due_at) FROM core_event WHERE id = ANY(%s::bigint[])"


def _told(
    statement: str, events: Sequence[Event], ids: Sequence[int], received: Sequence[int] = ()
) -> int:
    if not ids:
        return 0
    at = value(_MOMENT, [numbers(event.pk for event in events)])
    asked = {
        "ids": sorted(set(ids)),
        "at": at,
        "off_since": at - REMEMBERED,
        "news_since": at - NEWS,
        "received": sorted(set(received)),
        "received_by": max(event.recorded_at for event in events),
    }
    return run(statement, asked)


def on_orders(events: Sequence[Event]) -> None:
    """Tells what became of orders and their commissions; the events name them in `orders`, and in
    `received` those of which a partner has said only now that the goods arrived."""
    said = [_payload(event) for event in events]
    ids = [order for one in said for order in one["orders"]]
    _told(_ORDERS, events, ids)
    _told(_OF_ORDERS, events, ids, [order for one in said for order in one.get("received", [])])


def on_runs(events: Sequence[Event]) -> None:
    """Tells which commissions a settlement run has settled; the subject is the run."""
    _told(_OF_RUNS, events, [event.subject_id for event in events])


def on_commissions(events: Sequence[Event]) -> None:
    """Tells what was decided of commission orders; the subject is the commission order."""
    _told(_OF_COMMISSIONS, events, [event.subject_id for event in events])


def on_payouts(events: Sequence[Event]) -> None:
    """Tells how far payouts are; the subject is the payout."""
    _told(_PAYOUTS, events, [event.subject_id for event in events])


def _payload(event: Event) -> dict[str, Any]:
    return dict(event.payload)  # not among what the relay reads: one statement more, seldom
