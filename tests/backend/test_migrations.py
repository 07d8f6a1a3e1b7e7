"""The migrations: few steps for an empty database, none for one that took the former steps, and a
word to one that stopped among them."""

import io

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, migrations, models
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from backend import health
from backend.core.migrating import InOneStep, half_way
from backend.core.sql import rows, run

ROOMS = ["accounts", "core", "webhooks", "shops", "notes", "commissions"]
LEAF = ("commissions", "0071_payout_rule_guards")


def forget_new_ones() -> None:
    """What stands in the history of a database that was made by the former steps."""
    for room, name in MigrationLoader(None).replacements:
        run("DELETE FROM django_migrations WHERE app = %s AND name = %s", [room, name])


@pytest.mark.django_db
def test_a_database_that_took_all_former_steps_has_none_to_take() -> None:
    forget_new_ones()
    executor = MigrationExecutor(connection)
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []
    assert half_way("default") == {}
    executor.check_replacements()
    taken = {row["name"] for row in rows("SELECT name FROM django_migrations")}
    assert "0008_settlement_and_payout_guards" in taken


@pytest.mark.django_db
@pytest.mark.parametrize(("room", "step"), [LEAF, ("shops", "0020_coupons")])
def test_a_database_that_stopped_among_them_is_told_and_left_alone(
    room: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_new_ones()
    run("DELETE FROM django_migrations WHERE app = %s AND name = %s", [room, step])
    before = rows("SELECT app, name FROM django_migrations ORDER BY id")
    assert half_way("default") == {room: [step]}
    with pytest.raises(CommandError, match=rf"core\.E001\) {room}: .* lacks {step}\."):
        call_command("migrate", stdout=io.StringIO(), skip_checks=False)
    monkeypatch.setattr(health, "_migrated", False)
    assert health._database() == "migrations pending"
    assert rows("SELECT app, name FROM django_migrations ORDER BY id") == before


def test_a_migration_that_names_a_former_step_follows_the_one_that_replaces_it() -> None:
    class Loader(MigrationLoader):
        def load_disk(self) -> None:
            super().load_disk()
            later = migrations.Migration("9999_later", "commissions")
            later.dependencies = [LEAF]
            self.disk_migrations["commissions", "9999_later"] = later

    parents = Loader(None).graph.node_map["commissions", "9999_later"].parents
    assert {node.key for node in parents} == {("commissions", "0008_settlement_and_payout_guards")}


@pytest.mark.django_db
def test_every_key_and_index_that_a_model_names_stands_in_the_database() -> None:
    named = {
        (model._meta.db_table, made.name)
        for room in ROOMS
        for model in apps.get_app_config(room).get_models()
        if model._meta.managed and not model._meta.proxy
        for made in [*model._meta.constraints, *model._meta.indexes]
    }
    found = rows("""
        SELECT conrelid::regclass::text AS of, conname AS name FROM pg_constraint
        UNION SELECT tablename, indexname FROM pg_indexes WHERE schemaname = 'public'
    """)
    assert ("notes_liveproduct", "live_one_pinned") in named
    assert named - {(row["of"], row["name"]) for row in found} == set()


@pytest.mark.django_db
def test_one_step_makes_tables_that_point_to_each_other_and_takes_them_away() -> None:
    key = ("id", models.BigAutoField(primary_key=True))
    over = ("over", models.ForeignKey("core.Probed", models.CASCADE))
    step = InOneStep(
        [
            migrations.CreateModel("Probed", [key]),
            migrations.CreateModel("Prober", [key, over]),
        ]
    )
    before = ProjectState()
    assert list(before.apps.get_models()) == []
    after = before.clone()
    step.state_forwards("core", after)
    assert "apps" not in after.__dict__, "nothing is rendered before it is asked for"
    with connection.schema_editor() as editor:
        step.database_forwards("core", editor, before, after)
    with connection.cursor() as cursor:
        key_of = connection.introspection.get_relations(cursor, "core_prober")
    assert {name: table for name, (_, table, *_) in key_of.items()} == {"over_id": "core_probed"}
    with connection.schema_editor() as editor:
        step.database_backwards("core", editor, after, before)
    assert not {"core_probed", "core_prober"} & set(connection.introspection.table_names())
    assert step.describe() == "Create model Probed; Create model Prober"
