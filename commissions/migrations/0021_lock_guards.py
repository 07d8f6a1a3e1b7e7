"""What the database holds about locks and overrides: append-only rows; who holds a customer is a
function of them; two people decide an override; a coupon code's holder and shop never change."""

from django.db import migrations

from backend.core.guards import append_only, drop_append_only

TABLES = [
    "commissions_lockchange",
    "commissions_locksetting",
    "commissions_attributionoverride",
]
# The rule of commissions/locks.py, `hold`; a test holds the two equal. ROWS 1, because there is one
# holder or none: of the 1,000 that PostgreSQL would expect, it reads whole tables for one line.
CUSTOMER_LOCK = """
CREATE FUNCTION tuike_customer_lock(whose bigint, of_shop bigint, as_of timestamptz)
RETURNS TABLE (change_id bigint, promoter_id bigint, source varchar, from_at timestamptz,
               until_at timestamptz)
LANGUAGE plpgsql STABLE ROWS 1 AS $$
#variable_conflict use_column
DECLARE
    c record;
    held bigint;
    holder bigint;
    kind varchar;
    since timestamptz;
    ends timestamptz;
BEGIN
    FOR c IN SELECT l.id, l.promoter_id AS promoter, l.source AS src, l.at, l.days, l.mode,
                    l.protect_days
             FROM commissions_lockchange l
             WHERE l.buyer_id = whose AND l.shop_id = of_shop AND l.at <= as_of
             ORDER BY l.at, l.promoter_id, l.mode, l.days, l.id
    LOOP
        IF held IS NOT NULL AND c.at < ends AND c.promoter = holder THEN
            ends := greatest(ends, c.at + make_interval(hours => 24 * c.days));
        ELSIF held IS NULL OR c.at >= ends OR c.mode = 'last' OR (c.mode = 'override'
                AND c.at >= since + make_interval(hours => 24 * c.protect_days)) THEN
            held := c.id;
            holder := c.promoter;
            kind := c.src;
            since := c.at;
            ends := c.at + make_interval(hours => 24 * c.days);
        END IF;
    END LOOP;
    IF held IS NOT NULL AND ends > as_of THEN
        RETURN QUERY SELECT held, holder, kind, since, ends;
    END IF;
END $$;
"""
# Who was named at a checkout must still be who is paid tomorrow: only the end may be set.
COUPONS = """
CREATE FUNCTION tuike_given_coupon() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.shop_id, NEW.code, NEW.promoter_id, NEW.creator_id,
            NEW.discount_bps, NEW.starts_at) IS DISTINCT FROM (OLD.shop_id, OLD.code,
            OLD.promoter_id, OLD.creator_id, OLD.discount_bps, OLD.starts_at) THEN
        RAISE EXCEPTION 'coupon code % is given and never changes', OLD.code
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER commissions_couponcode_given BEFORE UPDATE OR DELETE
    ON commissions_couponcode FOR EACH ROW EXECUTE FUNCTION tuike_given_coupon();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("commissions", "0020_locks_coupons_disputes"),
        ("core", "0002_guards"),
    ]

    operations = [
        *(migrations.RunSQL(append_only(table), drop_append_only(table)) for table in TABLES),
        migrations.RunSQL(
            CUSTOMER_LOCK,
            "DROP FUNCTION IF EXISTS tuike_customer_lock(bigint, bigint, timestamptz)",
        ),
        migrations.RunSQL(COUPONS, "DROP FUNCTION IF EXISTS tuike_given_coupon() CASCADE"),
    ]
