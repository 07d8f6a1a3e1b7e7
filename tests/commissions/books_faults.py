"""A fault for every rule of the books: statements that break it."""

_ENTRY = "commissions_entry e USING commissions_ledgeraccount a WHERE a.id = e.account_id AND"
_BOUNTY = (
    "INSERT INTO commissions_bounty (id, title, goal, target, reward_fen, budget_fen, starts_at,"
    " ends_at, hold_days, status, created_by_id, created_at) VALUES (77, 'x', 'orders', 1, 5,"
    " {funds}, '2026-11-01T04:00Z', '2026-11-02T04:00Z', 0, 'published', {{maker}},"
    " '2026-11-01T04:00Z')"
)
_AWARD = (
    "INSERT INTO commissions_bountyaward (bounty_id, account_id, reward_fen, reached, status,"
    " reason, promised_at, matures_at, finished_at) VALUES (77, {{account}}, 5, 1, '{status}', '',"
    " '2026-11-01T04:00Z', '2026-11-02T04:00Z', {finished})"
)
_DISPUTE = (
    "INSERT INTO commissions_attributiondispute (commission_id, opened_by_id, side, claim,"
    " evidence, status, opened_at, reason) VALUES ({{commission}}, {{stranger}}, 'staff', 'x',"
    " '[]', '{status}', '2026-11-22T04:00Z', '')"
)
_OVERRIDE = (
    "INSERT INTO commissions_attributionoverride (commission_id, number, dispute_id, promoter_id,"
    " before, reversed_fen, settled, prepared_by_id, approved_by_id, reason, at)"
    " SELECT commission_id, 1, id, {promoter}, '{{}}', 0, true, opened_by_id,"
    " (SELECT min(id) FROM accounts_account), 'x', opened_at FROM commissions_attributiondispute"
)
_STATEMENT = (
    "INSERT INTO commissions_statement (number, period_id, owner_kind, owner_id, opening, closing,"
    " sums, lines_count, late_count, closed_at, signed_by_id, digest, signature)"
    " SELECT 'ST77', id, 'person', {{account}}, '{opening}', '{closing}', '{{{{}}}}', 0, 0, to_at,"
    " 1, 'd', 's' FROM commissions_settlementperiod"
)
_RESTATEMENT = (
    "INSERT INTO commissions_restatement (period_id, number, at, reason, lines_count, amount_fen)"
    " SELECT id, 1, to_at, 'x', 1, 5 FROM commissions_settlementperiod"
)
# rule → statements that break it; {name} stands for ids of the world below
_REMITTED = (
    "INSERT INTO commissions_taxremittance (month, begins_at, ends_at, kind, channel, amount_fen,"
    " paid_on, receipt, status, recorded_by_id, recorded_at, decided_by_id, decided_at,"
    " decided_note) VALUES ('2026-10-01', '2026-09-30T16:00Z', '2026-10-31T16:00Z', 'whole',"
    " 'counter', 5, '2026-11-10', 'R', 'approved', {maker}, '2026-11-22T04:00Z', {stranger},"
    " '2026-11-22T04:00Z', '')"
)
FAULTS: dict[str, list[str]] = {
    "every journal has entries and they sum to zero": [
        "UPDATE commissions_entry SET amount_fen = amount_fen + 1 WHERE (account_id, journal_id) ="
        " (SELECT account_id, journal_id FROM commissions_entry ORDER BY 2, 1 LIMIT 1)"
    ],
    "every balance with its deltas is the sum of its entries": [
        "UPDATE commissions_balance SET balance_fen = balance_fen + 7 WHERE account_id ="
        " (SELECT min(account_id) FROM commissions_balance)"
    ],
    "every entry belongs to an account that exists": [
        "INSERT INTO commissions_entry (account_id, journal_id, amount_fen, at)"
        " VALUES (999999, 1, 5, '2026-11-22T04:00Z')"
    ],
    "a journal's id is made of its cause, and the cause exists": [
        "INSERT INTO commissions_journal (id, kind, subject_id, at)"
        " VALUES ((4::bigint << 56) | 999999, 4, 999999, '2026-11-22T04:00Z')"
    ],
    "every journal is sealed once, or waits for its seal": [
        "DELETE FROM commissions_sealwaiting WHERE id ="
        " (SELECT min(id) FROM commissions_sealwaiting)"
    ],
    "links are what their journals say: the newest, and a part that every check chooses anew": [
        "INSERT INTO commissions_sealedjournal (n, journal_id, link)"
        " SELECT 1, min(id), sha256('x') FROM commissions_journal"
    ],
    "archives follow one another, and the chain still has the links they are fastened to": [
        "INSERT INTO commissions_booksarchive (first, last, before, link, checksum, size,"
        " file_name, closing_checksum, accounts, made_at) VALUES (2, 3, '2022-11-22T04:00Z',"
        " 'ab', 'cd', 1, 'x', 'ef', 1, '2026-11-22T04:00Z')"
    ],
    "a reconciliation report's figures are those of its lines": [
        "INSERT INTO commissions_reconciliation (provider, day, revision, status, ours_count,"
        " ours_fen, theirs_count, theirs_fen, exceptions, built_at, reason)"
        " VALUES ('sandbox', '2026-11-22', 1, 'open', 1, 7, 0, 0, 0, '2026-11-23T04:00Z', '')",
    ],
    "a payout is sent once": [
        "DROP INDEX payout_sent_once",
        "INSERT INTO commissions_payoutattempt (payout_id, kind, outcome, answer, started_at)"
        " VALUES ({payout}, 'send', 'paid', '{{}}', '2026-11-22T04:00Z')",
    ],
    "splits sum to budget and fee, and these are their rates or a plan's terms": [
        "UPDATE commissions_commissionsplit SET amount_fen = amount_fen + 1"
        " WHERE commission_id = {commission} AND role = 'promoter'"
    ],
    "what is reversed is the cumulative rule's share of what is refunded": [
        "UPDATE commissions_commissionsplit SET reversed_fen = reversed_fen - 1"
        " WHERE commission_id = {refunded} AND role = 'promoter'"
    ],
    "every part gives back its own share, to the fen": [
        "UPDATE commissions_commissionsplit SET reversed_fen = reversed_fen - 2"
        " WHERE commission_id = {refunded} AND role = 'promoter'",
        "UPDATE commissions_commissionsplit SET reversed_fen = reversed_fen + 2"
        " WHERE commission_id = {refunded} AND role = 'inviter'",
    ],
    "the accrual's journal is what the splits say": [
        "UPDATE commissions_commissionsplit SET payee_id = {stranger}"
        " WHERE commission_id = {commission} AND role = 'promoter'"
    ],
    "the reversals' journals are what the splits have given back": [
        "UPDATE commissions_commissionsplit SET reversed_fen = reversed_fen + 1"
        " WHERE commission_id = {refunded} AND role = 'platform'"
    ],
    "a line has one commission and a role one winner, who is the one attributed": [
        "UPDATE commissions_attribution SET promoter_id = {inviter}"
        " WHERE id = (SELECT attribution_id FROM commissions_commissionorder"
        " WHERE id = {commission})"
    ],
    "of a line decided anew, all its journals together are what its parts say now": [
        _DISPUTE.format(status="settled"),
        _OVERRIDE,
        "UPDATE commissions_commissionsplit SET payee_id = {stranger}"
        " WHERE commission_id = {commission} AND role = 'promoter'",
    ],
    "an override settles its dispute, comes next in its line, and its journal has its legs": [
        _DISPUTE.format(status="settled"),
    ],
    "what won by a code or a lock was the holder's when the order was placed": [
        "UPDATE commissions_attribution SET rule = 'lock', source_id = 999999"
        " WHERE id = (SELECT attribution_id FROM commissions_commissionorder"
        " WHERE id = {commission})"
    ],
    "everything that a change of a lock names exists": [
        "INSERT INTO commissions_lockchange (buyer_id, shop_id, promoter_id, source, cause,"
        " cause_id, days, mode, protect_days, at) VALUES ({stranger}, 999999, {promoter},"
        " 'product', 'click', 1, 7, 'first', 0, '2026-11-22T04:00Z')"
    ],
    "every inviter joined earlier (so no cycle) and is the one of the dated edges": [
        "ALTER TABLE commissions_promoter DROP CONSTRAINT promoter_no_cycle",
        "UPDATE commissions_promoter SET sponsor_id = {promoter} WHERE id = {inviter}",
    ],
    "everything that a commission names exists": [
        "UPDATE commissions_commissionorder SET settlement_run_id = 999999 WHERE id = {confirmed}"
    ],
    "every commission names a published plan, a touch or source, and a real inviter": [
        "UPDATE commissions_planversion SET published_at = NULL"
    ],
    "what is passed on goes to the agency of the dated edge, at the share of that day": [
        "UPDATE commissions_agencyshare SET share_bps = share_bps + 1"
        " WHERE agency_id = (SELECT max(id) FROM commissions_agency)"
    ],
    "what is kept and what is passed on are their shares of the member's part, to the fen": [
        "UPDATE commissions_commissionsplit SET amount_fen = amount_fen - 2"
        " WHERE commission_id = {commission} AND role = 'promoter'",
        "UPDATE commissions_commissionsplit SET amount_fen = amount_fen + 2"
        " WHERE commission_id = {commission} AND role = 'agency'",
    ],
    "a member joins and leaves by turns, one agency at a time, and an upper agency is older": [
        "UPDATE commissions_agencyedge SET number = 3 WHERE promoter_id = {promoter}"
    ],
    "a commission settles in one run, of the period in which it matured, and not before": [
        "UPDATE commissions_commissionorder SET matures_at = '2027-01-01T00:00Z'"
        " WHERE id = {commission}"
    ],
    "a run's totals are those of its orders and postings": [
        "UPDATE commissions_settlementrun SET amount_fen = amount_fen - 1"
    ],
    "a posting is what its run's commissions owed the payee when they settled": [
        "UPDATE commissions_settlementposting SET amount_fen = amount_fen + 1"
        " WHERE payee_kind = 'platform'"
    ],
    "a posting's journal moves its amount from pending to available": [
        "UPDATE commissions_settlementposting SET amount_fen = amount_fen + 1"
        " WHERE payee_kind = 'charity'"
    ],
    "what is pending is what has not settled": [
        "UPDATE commissions_commissionorder SET status = 'confirmed', settlement_run_id = NULL"
        " WHERE id = {commission}"
    ],
    "a statement's lines are its owner's entries, and lead from its opening to its closing": [
        _STATEMENT.format(opening="{{}}", closing='{{"available": 5}}')
    ],
    "a statement opens with what the one before it has closed": [
        _STATEMENT.format(opening='{{"available": 5}}', closing='{{"available": 5}}')
    ],
    "a re-statement's lines are journals of its own period, and add up to it": [_RESTATEMENT],
    "a period that was re-stated is what settling it anew would be, but for what came since": [
        _RESTATEMENT,
        "UPDATE commissions_settlementposting SET amount_fen = amount_fen + 1"
        " WHERE payee_kind = 'charity'",
    ],
    "nobody was paid more than was credited": [f"DELETE FROM {_ENTRY} e.journal_id >> 56 = 3"],
    "a payout's journals are those of its state": [
        "UPDATE commissions_payout SET status = 'failed' WHERE id = {payout}"
    ],
    "the channel has paid what we say it has": [
        "UPDATE commissions_sandboxtransfer SET amount_fen = amount_fen + 1 WHERE state = 'paid'"
    ],
    "what is withheld from a payout is written down once, of its whole amount": [
        "UPDATE commissions_payout SET tax_fen = 1 WHERE id = {payout}"
    ],
    "what the platform owes the tax office is what was withheld from what is paid": [
        "INSERT INTO commissions_ledgeraccount (owner_kind, owner_id, kind)"
        " VALUES ('platform', 0, 'tax')",
        "INSERT INTO commissions_entry (account_id, journal_id, amount_fen, at)"
        " SELECT max(id), 1, 5, '2026-11-22T04:00Z' FROM commissions_ledgeraccount",
    ],
    "a filed month is what was paid and withheld in it": [
        "INSERT INTO commissions_taxfiling (month, begins_at, ends_at, payments, income_fen,"
        " tax_fen, receipt, filed_by_id, filed_at) VALUES ('2026-10-01', '2026-09-30T16:00Z',"
        " '2026-10-31T16:00Z', 1, 5, 1, 'x', {maker}, '2026-11-22T04:00Z')",
    ],
    "no channel has answered the opposite of what is booked": [
        "UPDATE commissions_payoutattempt SET outcome = 'failed' WHERE payout_id = {payout}"
    ],
    "a remittance is agreed to by two, and its journal pays its amount out of the tax owed": [
        _REMITTED
    ],
    "of no month more is remitted than was withheld in it": [
        _REMITTED,
        "INSERT INTO commissions_ledgeraccount (owner_kind, owner_id, kind)"
        " VALUES ('platform', 0, 'tax'), ('platform', 0, 'cash')",
        "INSERT INTO commissions_entry (account_id, journal_id, amount_fen, at)"
        " SELECT a.id, (8::bigint << 56) + t.id, CASE a.kind WHEN 'tax' THEN -5 ELSE 5 END,"
        " '2026-11-22T04:00Z' FROM commissions_taxremittance t, commissions_ledgeraccount a"
        " WHERE a.owner_kind = 'platform' AND a.kind IN ('tax', 'cash')",
        "INSERT INTO commissions_journal (id, kind, subject_id, at)"
        " SELECT (8::bigint << 56) + id, 8, id, '2026-11-22T04:00Z'"
        " FROM commissions_taxremittance",
    ],
    "a bank batch's totals are those of its payouts": [
        "INSERT INTO commissions_payoutbatch (number, provider, status, payouts_count, total_fen,"
        " built_at) VALUES ('B1', 'bank_file', 'built', 1, 5, '2026-11-22T04:00Z')"
    ],
    "a payout's state has its history: two people, their acts, its sending": [
        "ALTER TABLE commissions_payout DROP CONSTRAINT payout_four_eyes",
        "UPDATE commissions_payout SET approved_by_id = prepared_by_id WHERE id = {payout}",
    ],
    "an order's state has its row of history": [
        "UPDATE shops_order SET status = 'closed' WHERE id = {order}"
    ],
    "no event is parked, or due for more than five minutes": [
        "INSERT INTO core_event (kind, subject_id, payload, state, attempts, error, recorded_at,"
        " due_at) VALUES ('order.paid', 1, '{{}}', 'parked', 8, 'ValueError: x',"
        " '2026-11-22T04:00Z', '2026-11-22T04:00Z')"
    ],
    "every paid line has its commission order, or an event on its way to make it": [
        "DELETE FROM commissions_commissionorder WHERE id = {commission}"
    ],
    "every refund is answered by a reversal, or an event is on its way to make it": [
        "UPDATE shops_orderline SET refunded_fen = refunded_fen + 1 WHERE id = {line}"
    ],
    "a plan's fund is what its commissions took and gave back, and is never exceeded": [
        "INSERT INTO commissions_planfund (plan_id, funded_fen, taken_fen, returned_fen)"
        " SELECT id, 5, 5, 0 FROM commissions_commissionplan LIMIT 1"
    ],
    "what counts against a cap is what its commissions were granted": [
        "INSERT INTO commissions_plancounter (plan_id, kind, account_id, period, used_fen)"
        " SELECT id, 'day', 1, 20261122, 5 FROM commissions_commissionplan LIMIT 1"
    ],
    "a plan that priced a line was in force, and of its shop, when it was placed": [
        "UPDATE commissions_commissionorder SET step = 'campaign', terms ="
        """ '{{"step": "shop", "budget_fen": 2580, "limits": []}}' WHERE id = {commission}"""
    ],
    "whom a plan named by an agency was its member when the order was placed": [
        "UPDATE commissions_commissionorder SET terms = '{{"
        """"step": "", "budget_fen": 2580, "limits": [], "account_id": 0,"""
        """ "named": {{"by": "agency", "agency_id": 1, "edge_id": 1}}}}' WHERE id = {commission}"""
    ],
    "what is received is confirmed, or an event is on its way to do it": [
        "UPDATE commissions_commissionorder SET status = 'estimated' WHERE id = {confirmed}"
    ],
    "what was to settle ten minutes ago by its calendar, and nothing stops, is settled": [
        "UPDATE commissions_commissionorder SET matures_at = '2026-11-29T04:00Z'"
        " WHERE id = {confirmed}"
    ],
    "no order waits for a job that should have come ten minutes ago": [
        "UPDATE shops_order SET status = 'shipped', auto_receive_at = '2026-11-23T00:00Z'"
        " WHERE id = {order}"
    ],
    "no money waits ten minutes for a job that gives it back or sends it": [
        "INSERT INTO shops_payment (checkout_id, provider, transaction_id, amount_fen, payer,"
        " status, paid_at, recorded_at) SELECT checkout_id, 'sandbox', 'late', 1, '', 'returning',"
        " '2026-11-22T04:00Z', '2026-11-22T04:00Z' FROM shops_order WHERE id = {order}"
    ],
    "the stored figures of a closed day are a recount of its orders": [
        "UPDATE shops_dailymetric SET dab = dab + 1 WHERE shop_id = 0"
    ],
    "no payout is on its way for longer than its channel takes (a day; a bank file a week)": [
        "UPDATE commissions_payout SET status = 'unknown' WHERE id = {payout}"
    ],
    "a write-off moves what two people agreed to, out of the platform's own": [
        "INSERT INTO commissions_writeoff (account_id, amount_fen, written_fen, reason, note,"
        " status, requested_by_id, requested_at, decided_by_id, decided_at, decided_note)"
        " VALUES ({account}, 5, 5, 'goodwill', 'x', 'approved', {maker}, '2026-11-22T04:00Z',"
        " {stranger}, '2026-11-22T04:00Z', '')"
    ],
    "an award is paid once, by its bounty's funder, if at all": [
        _BOUNTY.format(funds=9),
        _AWARD.format(status="paid", finished="'2026-11-30T04:00Z'"),
    ],
    "a bounty never promises more than is funded, nor another reward than its own": [
        _BOUNTY.format(funds=5),
        _AWARD.format(status="promised", finished="NULL").replace("5, 1,", "6, 1,"),
    ],
    "no award waits ten minutes after its hold": [
        _BOUNTY.format(funds=9),
        _AWARD.format(status="promised", finished="NULL"),
    ],
    "what risk holds has its open case, what risk has ended its decision, and nothing is left": [
        "UPDATE commissions_commissionorder SET held_reason = 'risk_self_phone'"
        " WHERE id = {confirmed}"
    ],
    "an order made elsewhere is one conversion, as its partner told it": [
        "UPDATE shops_order SET status = 'external' WHERE id = {order}"
    ],
    "an import has a verdict for each of its rows": [
        "INSERT INTO commissions_conversionimport (source_id, uploaded_by_id, kind, dry_run,"
        " status, size_bytes, checksum, columns, position, row_count, counts, error, created_at)"
        " VALUES (1, {maker}, 'csv', false, 'done', 9, '', '[]', 9, 1, '{{}}', '',"
        " '2026-11-22T04:00Z')"
    ],
}
