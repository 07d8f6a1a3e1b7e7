"""What the database itself holds about agencies: edges and shares are append-only, a member's edges
join and leave by turns and in the order of their dates."""

from django.db import migrations

from backend.core.guards import append_only, drop_append_only

TABLES = ["commissions_agencyedge", "commissions_agencyshare"]

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


class Migration(migrations.Migration):

    dependencies = [("commissions", "0030_agencies")]

    operations = [
        *(migrations.RunSQL(append_only(table), drop_append_only(table)) for table in TABLES),
        migrations.RunSQL(EDGES, "DROP FUNCTION IF EXISTS tuike_agency_edge() CASCADE"),
    ]
