"""What the database itself refuses of bounties and verdicts: promises beyond the funds, another
bounty once it is published, a verdict that changes."""

from django.db import migrations

from backend.core.guards import append_only, drop_append_only

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
    dependencies = [("commissions", "0040_write_offs_conversions_risks_bounties")]

    operations = [
        migrations.RunSQL(
            append_only("commissions_conversionverdict"),
            drop_append_only("commissions_conversionverdict"),
        ),
        migrations.RunSQL(FUNDED, "DROP FUNCTION IF EXISTS tuike_bounty_funded() CASCADE"),
        migrations.RunSQL(TERMS, "DROP FUNCTION IF EXISTS tuike_bounty_terms() CASCADE"),
    ]
