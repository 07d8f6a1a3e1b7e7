"""What the database itself holds about plans: a published version, the products, promoters and
bonuses it names never change (its end may come earlier, never later); a version's shop is its
plan's; a plan keeps its kind and shop once a version is published; tiers are dated for good."""

from django.db import migrations

from backend.core.guards import append_only, drop_append_only

PUBLISHED = """
CREATE OR REPLACE FUNCTION tuike_published_plan() RETURNS trigger LANGUAGE plpgsql AS $$
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
"""
PUBLISHED_BEFORE = """
CREATE OR REPLACE FUNCTION tuike_published_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.published_at IS NOT NULL AND (TG_OP = 'DELETE' OR
        (NEW.plan_id, NEW.number, NEW.promoter_bps, NEW.inviter_bps, NEW.creator_bps,
         NEW.charity_bps, NEW.starts_at, NEW.published_at)
        IS DISTINCT FROM
        (OLD.plan_id, OLD.number, OLD.promoter_bps, OLD.inviter_bps, OLD.creator_bps,
         OLD.charity_bps, OLD.starts_at, OLD.published_at)) THEN
        RAISE EXCEPTION 'plan version % is published and never changes', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
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
TIERS = "commissions_tierchange"


class Migration(migrations.Migration):
    dependencies = [("commissions", "0010_plan_kinds")]

    operations = [
        migrations.RunSQL(PUBLISHED, PUBLISHED_BEFORE),
        migrations.RunSQL(NAMED, "DROP FUNCTION IF EXISTS tuike_published_names() CASCADE"),
        migrations.RunSQL(
            OWNED,
            "DROP FUNCTION IF EXISTS tuike_plan_shop() CASCADE;"
            "DROP FUNCTION IF EXISTS tuike_plan_kept() CASCADE",
        ),
        migrations.RunSQL(append_only(TIERS), drop_append_only(TIERS)),
    ]
