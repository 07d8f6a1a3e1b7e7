"""What a journal says, as the bytes that the chain is made of and that an export holds.

One line of JSON without spaces, ASCII alone: the id, kind and cause, the instant in UTC, and the
entries, each an account and fen, sorted by account. An account is named by owner and kind, so that
nobody can give its entries to another owner by renaming it. An entry whose own instant is not its
journal's, which no posting makes, would say so in a third place.
"""

GENESIS = "'\\x" + "00" * 32 + "'::bytea"
_ACCOUNT = "a.owner_kind || '/' || a.owner_id || '/' || a.kind"
ACCOUNT = f"({_ACCOUNT})"

# The entries of the journal j, by the entries' index on it.
ENTRIES = f"""LATERAL (
    SELECT string_agg(
        '["' || {_ACCOUNT} || '",' || e.amount_fen || CASE WHEN e.at = j.at THEN ']'
            ELSE ',' || to_json(e.at AT TIME ZONE 'UTC') || ']' END, ','
        ORDER BY {ACCOUNT} COLLATE "C") AS told
    FROM commissions_entry e JOIN commissions_ledgeraccount a ON a.id = e.account_id
    WHERE e.journal_id = j.id) entries ON true"""
# What j says; needs ENTRIES joined.
JOURNAL = """('{"id":' || j.id || ',"kind":' || j.kind || ',"subject":' || j.subject_id
    || ',"utc":' || to_json(j.at AT TIME ZONE 'UTC')
    || ',"entries":[' || coalesce(entries.told, '') || ']}')"""
BYTES = f"convert_to({JOURNAL}, 'UTF8')"
