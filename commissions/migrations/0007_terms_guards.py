"""What the database itself holds about terms and people: a published version of a plan, the products,
promoters and bonuses it names never change (its end may come earlier, never later); a version's
shop is its plan's; a plan keeps its kind and shop once a version is published; tiers are dated for
good. Who holds a customer is a function of append-only rows; two people decide an override; a
coupon code's holder and shop never change. A member of an agency joins and leaves by turns and in
the order of the dates. A bounty promises no more than is funded and never changes once published.
"""

from django.db import migrations

from backend.core.guards import append_only, drop_append_only

TABLES = [
    "commissions_tierchange",
    "commissions_lockchange",
    "commissions_locksetting",
    "commissions_attributionoverride",
    "commissions_agencyedge",
    "commissions_agencyshare",
    "commissions_conversionverdict",
]

PUBLISHED = """
CREATE FUNCTION tuike_published_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Only the end of a published version may still be set, or come earlier: its numbers are
    -- history, and what has ended does not come back.
    IF OLD.published_at IS NOT NULL AND (TG_OP = 'DELETE'
        OR to_jsonb(NEW) - 'ends_at' IS DISTINCT FROM to_jsonb(OLD) - 'ends_at'
        OR OLD.ends_at < coalesce(NEW.ends_at, 'infinity')) THEN
        RAISE EXCEPTION 'plan version % is published and never changes', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER commissions_planversion_published BEFORE UPDATE OR DELETE
    ON commissions_planversion FOR EACH ROW EXECUTE FUNCTION tuike_published_plan();
"""
NAMED = """
CREATE FUNCTION tuike_published_names() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE named bigint;
BEGIN
    named := CASE WHEN TG_OP = 'DELETE' THEN OLD.version_id ELSE NEW.version_id END;
    IF TG_OP = 'UPDATE' OR EXISTS (SELECT FROM commissions_planversion
            WHERE id = named AND published_at IS NOT NULL) THEN
        RAISE EXCEPTION 'plan version % is published and never changes', named
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER commissions_planproduct_published BEFORE INSERT OR UPDATE OR DELETE
    ON commissions_planproduct FOR EACH ROW EXECUTE FUNCTION tuike_published_names();
CREATE TRIGGER commissions_plantarget_published BEFORE INSERT OR UPDATE OR DELETE
    ON commissions_plantarget FOR EACH ROW EXECUTE FUNCTION tuike_published_names();
"""
OWNED = """
CREATE FUNCTION tuike_plan_shop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.shop_id := (SELECT shop_id FROM commissions_commissionplan WHERE id = NEW.plan_id);
    RETURN NEW;
END $$;
CREATE TRIGGER commissions_planversion_shop BEFORE INSERT ON commissions_planversion
    FOR EACH ROW EXECUTE FUNCTION tuike_plan_shop();
CREATE FUNCTION tuike_plan_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.kind, NEW.shop_id) IS DISTINCT FROM (OLD.kind, OLD.shop_id)
        AND EXISTS (SELECT FROM commissions_planversion WHERE plan_id = OLD.id) THEN
        RAISE EXCEPTION 'plan % keeps its kind and shop', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER commissions_commissionplan_kept BEFORE UPDATE ON commissions_commissionplan
    FOR EACH ROW EXECUTE FUNCTION tuike_plan_kept();
"""
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
# The unique keys (member, number) refuse the second of two who write the same number; this refuses
# a number out of turn. What the row before says is committed, or the key would have to wait for it.
EDGES = """
CREATE FUNCTION tuike_agency_edge() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE before commissions_agencyedge;
BEGIN
    IF (NEW.number % 2 = 1) <> (NEW.kind = 'joined') THEN
        RAISE EXCEPTION 'agency edge % of a member joins or leaves out of turn', NEW.number
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.number = 1 THEN
        UPDATE commissions_promoter SET member_since = NEW.from_at WHERE id = NEW.promoter_id;
        RETURN NEW;
    END IF;
    SELECT * INTO before FROM commissions_agencyedge e
    WHERE e.number = NEW.number - 1
      AND (e.promoter_id = NEW.promoter_id OR e.child_id = NEW.child_id);
    IF NOT FOUND OR before.from_at > NEW.from_at
       OR (NEW.kind = 'left' AND before.agency_id <> NEW.agency_id) THEN
        RAISE EXCEPTION 'agency edge % does not follow the one before it', NEW.number
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER commissions_agencyedge_turn BEFORE INSERT ON commissions_agencyedge
    FOR EACH ROW EXECUTE FUNCTION tuike_agency_edge();
"""
FUNDED = """
CREATE FUNCTION tuike_bounty_funded() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong bigint;
BEGIN
    SELECT b.id INTO wrong FROM (SELECT DISTINCT bounty_id FROM fresh) f
    JOIN commissions_bounty b ON b.id = f.bounty_id
    WHERE (SELECT sum(w.reward_fen) FROM commissions_bountyaward w
           WHERE w.bounty_id = b.id AND w.status <> 'void') > b.budget_fen LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'bounty % promises more than is funded', wrong
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER commissions_bountyaward_funded AFTER INSERT ON commissions_bountyaward
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION tuike_bounty_funded();
"""
TERMS = """
CREATE FUNCTION tuike_bounty_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'draft' AND (TG_OP = 'DELETE' OR
        (NEW.title, NEW.shop_id, NEW.goal, NEW.target, NEW.reward_fen, NEW.budget_fen,
         NEW.starts_at, NEW.ends_at, NEW.hold_days)
        IS DISTINCT FROM
        (OLD.title, OLD.shop_id, OLD.goal, OLD.target, OLD.reward_fen, OLD.budget_fen,
         OLD.starts_at, OLD.ends_at, OLD.hold_days)) THEN
        RAISE EXCEPTION 'bounty % is published and never changes', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER commissions_bounty_terms BEFORE UPDATE OR DELETE ON commissions_bounty
    FOR EACH ROW EXECUTE FUNCTION tuike_bounty_terms();
"""


class Migration(migrations.Migration):
    replaces = [
        ('commissions', '0011_plan_guards'),
        ('commissions', '0021_lock_guards'),
        ('commissions', '0031_agency_guards'),
        ('commissions', '0041_given_and_told'),
    ]
    dependencies = [
        ('commissions', '0006_ledger_guards'),
    ]
    operations = [
        *(migrations.RunSQL(append_only(table), drop_append_only(table)) for table in TABLES),
        migrations.RunSQL(PUBLISHED, "DROP FUNCTION IF EXISTS tuike_published_plan() CASCADE"),
        migrations.RunSQL(NAMED, "DROP FUNCTION IF EXISTS tuike_published_names() CASCADE"),
        migrations.RunSQL(
            OWNED,
            "DROP FUNCTION IF EXISTS tuike_plan_shop() CASCADE;"
            "DROP FUNCTION IF EXISTS tuike_plan_kept() CASCADE",
        ),
        migrations.RunSQL(
            CUSTOMER_LOCK,
            "DROP FUNCTION IF EXISTS tuike_customer_lock(bigint, bigint, timestamptz)",
        ),
        migrations.RunSQL(COUPONS, "DROP FUNCTION IF EXISTS tuike_given_coupon() CASCADE"),
        migrations.RunSQL(EDGES, "DROP FUNCTION IF EXISTS tuike_agency_edge() CASCADE"),
        migrations.RunSQL(FUNDED, "DROP FUNCTION IF EXISTS tuike_bounty_funded() CASCADE"),
        migrations.RunSQL(TERMS, "DROP FUNCTION IF EXISTS tuike_bounty_terms() CASCADE"),
    ]
