"""What the database's users may do: the service works on rows, people read, neither alters tables.

Migrations run as the tables' owner. The service signs in as somebody else, who may not touch what
is append-only (triggers refuse it already, but a table's owner can disable a trigger) and cannot
make or alter a table. Who only reads sees no secret and nobody's address.
"""

import re

from django.db import connection, transaction

from backend.core.sql import rows, run, value

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# Hidden from whoever only reads: columns, or the whole table. Everything stored as bytes (digests,
# sealed values, kept answers) is hidden without standing here.
ALL = "*"
HIDDEN: dict[str, frozenset[str]] = {
    "accounts_account": frozenset({"password", "phone", "birth_year", "gender"}),
    "accounts_address": frozenset({ALL}),
    "accounts_recoverycode": frozenset({ALL}),
    "axes_accessattempt": frozenset({ALL}),
    "axes_accessattemptexpiration": frozenset({ALL}),
    "axes_accessfailurelog": frozenset({ALL}),
    "axes_accesslog": frozenset({ALL}),
    "commissions_payeeaccount": frozenset({"fingerprint"}),
    "commissions_taxidentity": frozenset({"fingerprint"}),
    "django_session": frozenset({ALL}),
    "shops_checkout": frozenset({"address"}),
    "shops_payment": frozenset({"payer"}),
    "shops_paymentnotice": frozenset({"body"}),
    "shops_qualificationdocument": frozenset({"fingerprint"}),
    # An address may hold a secret of the receiver's, an answer anything.
    "webhooks_webhookendpoint": frozenset({"url"}),
    "webhooks_webhookattempt": frozenset({"answer"}),
}


def set_up_roles(*, app: str, read: str, password: str = "") -> list[str]:
    """Makes the two users where they are missing and gives them exactly their rights; to be run as
    the owner of the tables, after every `migrate`. Returns a line per user.

    With `password` the service's user gets it, as a SCRAM verifier: the password itself is sent
    to no server and stands in no log of one.

    :raises ValueError: a name that would have to be quoted.
    """
    for name in (app, read):
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a name for a database user: a-z, 0-9, _")
    with transaction.atomic():
        _make(app, read, password)
        closed = _grant_app(app)
        hidden = _grant_read(read)
    return [
        f"{app}: reads and writes rows; {', '.join(closed)} are append-only for it",
        f"{read}: reads, except {', '.join(hidden)}",
    ]


def _make(app: str, read: str, password: str) -> None:
    known = {row["rolname"] for row in rows("SELECT rolname FROM pg_roles")}
    if app not in known:
        run(f"CREATE ROLE {app} LOGIN")
    if read not in known:
        run(f"CREATE ROLE {read}")
    if password:
        wire = connection.connection.pgconn
        verifier = wire.encrypt_password(password.encode(), app.encode(), b"scram-sha-256")
        run(f"ALTER ROLE {app} PASSWORD '{verifier.decode()}'")


_GUARDED = """
SELECT DISTINCT c.relname FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE p.proname = 'tuike_append_only' ORDER BY 1
"""


def append_only_tables() -> list[str]:
    """The tables whose rows no trigger lets change."""
    return [row["relname"] for row in rows(_GUARDED)]


def _grant_app(app: str) -> list[str]:
    closed = append_only_tables()
    database = value("SELECT quote_ident(current_database())")
    for statement in (
        f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {app}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {app}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {app}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {app}",
        # What a later migration makes is usable at once by the version that comes with it.
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public "
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {app}",
        f"REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {app}",
        *(f"REVOKE UPDATE, DELETE ON {table} FROM {app}" for table in closed),
    ):
        run(statement)
    return closed


_COLUMNS = """
SELECT table_name, column_name, data_type FROM information_schema.columns
WHERE table_schema = 'public' ORDER BY table_name, ordinal_position
"""


def _grant_read(read: str) -> list[str]:
    run(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {read}")
    run(f"GRANT USAGE ON SCHEMA public TO {read}")
    shown: dict[str, list[str]] = {}
    hidden = []
    for row in rows(_COLUMNS):
        table, column = row["table_name"], row["column_name"]
        secret = HIDDEN.get(table, frozenset())
        if ALL in secret or column in secret or row["data_type"] == "bytea":
            hidden.append(f"{table}.{column}")
        else:
            shown.setdefault(table, []).append(f'"{column}"')
    for table, columns in shown.items():
        run(f"GRANT SELECT ({', '.join(columns)}) ON {table} TO {read}")
    return hidden
