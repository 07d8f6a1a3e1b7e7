"""Migrations: what they are made of beside Django's own operations, and databases that stopped in
the middle of former ones."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import connections
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState


class InOneStep(Operation):
    """Operations that only add, whose models are rendered once, after the last of them.

    Django renders the models after each operation anew, each with all that point to it: of a room
    with 70 tables that is nearly all there is to migrating an empty database. Nothing here may
    undo what another operation of the same step does: all of them see the state after the last.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = operations

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        # What is not rendered yet is not rendered anew: `apps` is made when it is asked for.
        state.__dict__.pop("apps", None)
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for operation in self.operations:
            operation.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for operation in reversed(self.operations):
            operation.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        return "; ".join(operation.describe() for operation in self.operations)


def half_way(using: str) -> dict[str, list[str]]:
    """Rooms that stopped in the middle of migrations that are replaced and gone, each with those
    that the database `using` lacks: nothing can be applied that would bring it further."""
    loader = MigrationLoader(None)
    applied = MigrationRecorder(connections[using]).applied_migrations()
    former: dict[str, set[str]] = {}
    for migration in loader.replacements.values():
        for room, name in migration.replaces:
            if (room, name) not in loader.disk_migrations:
                former.setdefault(room, set()).add(name)
    lacking = {
        room: sorted(name for name in names if (room, name) not in applied)
        for room, names in former.items()
    }
    return {room: names for room, names in lacking.items() if 0 < len(names) < len(former[room])}


def whole_history(databases: Sequence[str] | None = None, **more: Any) -> list[CheckMessage]:
    """What `manage.py migrate` says of a database that stopped half-way, before it acts."""
    return [
        Error(
            f"{room}: this database has some of the migrations that were replaced, and lacks "
            f"{', '.join(names)}.",
            hint="Bring it to their end by the code of before: docs/operations/deploy.md#upgrades",
            id="core.E001",
        )
        for using in databases or []
        for room, names in sorted(half_way(using).items())
    ]
