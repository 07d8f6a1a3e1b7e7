#!/usr/bin/env python3
"""Checks books that Tuike exported, with nothing but Python: no network, no database, no trust.

    python check_ledger.py FILE [LATER FILE …] [LINK …]

FILE is JSONL or JSONL.gz; a later file must go on where the one before it ends. LINK is a link of
the chain, 64 hexadecimal digits, that you wrote down earlier: it must come up again. Every journal
must sum to zero; every link be the SHA-256 of the link before it and of its journal; every closing
balance be the opening one and the entries since; no cause come twice; and every byte stand as it
was exported, in lines that say what they may and nothing more.
"""

import gzip
import hashlib
import json
import sys
import zlib

JOURNAL = {"id": int, "kind": int, "subject": int, "utc": str, "entries": list}
# What each line says, in this order; the first name says which line it is. Links cover a journal
# alone: what else a line could say, nobody but its file's own SHA-256 would vouch for.
LINES = {
    "books": {"books": str, "first": int, "last": int, "previous": str, "kinds": dict, "unit": str},
    "opening": {"opening": str, "fen": int},
    "n": {"n": int, "link": str, "journal": dict},
    "closing": {"closing": str, "fen": int},
    "end": {"end": int, "link": str, "sha256": str},
}
PARTS = list(LINES)
KINDS = {
    **{"1": "accrual", "2": "reversal", "3": "settlement"},
    **{"4": "payout_request", "5": "payout_paid", "6": "payout_back"},
    **{"7": "tax_withheld", "8": "tax_remitted"},
    **{"20": "override", "40": "write_off", "41": "bounty"},
}


class Broken(Exception):
    """What is wrong, and where."""


def must(holds, why):
    if not holds:
        raise Broken(why)


def must_say(row, wanted):
    """Nothing is left out, nothing put in, nothing comes twice, and an amount is a whole number."""
    said = [(name, type(value)) for name, value in row.items()]
    must(said == list(wanted.items()), f"says other things than {', '.join(wanted)}")


def written(row):
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


class Books:
    def __init__(self, known):
        self.n, self.link, self.known, self.left = None, "", set(known), {}
        self.seen = {}  # a bit for each id, in pages of 4,096: memory for hundreds of millions

    def read(self, path):
        """Checks one file, line by line."""
        self.part, self.whole = "", hashlib.sha256()
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    self.take(json.loads(line), line)
                except Broken as wrong:
                    raise Broken(f"line {number}: {wrong}") from None
                except (ValueError, KeyError, TypeError, AttributeError) as wrong:
                    raise Broken(f"line {number}, after number {self.n}: {wrong!r}") from None
        must(self.part == "end", f"the file is cut off after number {self.n}")

    def take(self, row, line):
        part = next(iter(row), "")
        must_say(row, LINES[part])
        must(written(row) == line, f"is not written as it was, after number {self.n}")
        steps = PARTS.index(part) - (PARTS.index(self.part) if self.part else -1)
        must(steps > 0 if part in ("books", "end") else steps >= 0, "is not where it belongs")
        must(self.part or part == "books", "the file does not begin as books do")
        if self.part in ("books", "opening") and part not in ("books", "opening") and self.goes_on:
            must(self.balances == self.left, "opens with other balances than those before")
        getattr(self, f"take_{part}")(row)
        self.whole.update(line)
        self.part = part

    def take_books(self, row):
        first, previous = row["first"], row["previous"]
        must((row["books"], row["unit"]) == ("tuike 1", "fen"), "is of another format")
        must(row["kinds"].items() <= KINDS.items(), "names kinds that this script does not know")
        must(first <= row["last"], "holds no journal")
        must(len(previous) == 64 and bytes.fromhex(previous).hex() == previous, "follows no link")
        must((first == 1) == (previous == "00" * 32), "only the first journal follows zeros")
        self.goes_on = self.n is not None
        if self.goes_on:
            must(
                (first, previous) == (self.n + 1, self.link), "does not go on from the file before"
            )
        self.n, self.link, self.last, self.balances = first - 1, previous, row["last"], {}
        self.closed, self.kinds = {}, row["kinds"]

    def take_opening(self, row):
        must(self.n > 0, "the first journal finds every account empty")
        account = row["opening"]
        must(row["fen"] and account not in self.balances, f"{account} opens with 0, or twice")
        self.balances[account] = row["fen"]

    def take_n(self, row):
        said, n, before = row["journal"], self.n + 1, self.link
        must_say(said, JOURNAL)
        name = f"journal {said['id']}, number {n} of the chain,"
        must(row["n"] == n, f"{name} is missing: number {row['n']} stands in its place")
        told = bytes.fromhex(before) + written(said)[:-1]
        self.link = hashlib.sha256(told).hexdigest()
        must(row["link"] == self.link, f"{name} is broken: its link is not what it says")
        must(str(said["kind"]) in self.kinds, f"{name} is of a kind that the head does not name")
        cause = said["kind"] << 56 | said["subject"]
        must(said["id"] == cause and 0 < said["subject"] < 1 << 56, f"{name} is not of its cause")
        page, bit = cause >> 12, 1 << (cause & 4095)
        must(not self.seen.get(page, 0) & bit, f"{name} comes for a second time")
        self.seen[page] = self.seen.get(page, 0) | bit
        must(sum(entry[1] for entry in said["entries"]) == 0, f"{name} does not sum to zero")
        for account, fen, *utc in said["entries"]:
            must(type(fen) is int and len(utc) < 2, f"{name} has an entry that is none")
            self.balances[account] = self.balances.get(account, 0) + fen
        self.n = n
        self.known -= {before, self.link}  # also what it goes on from: its link holds

    def take_closing(self, row):
        account = row["closing"]
        held = self.balances.get(account)
        must(account not in self.closed, f"{account} closes twice")
        must(row["fen"] == held, f"{account} closes with {row['fen']} fen, its entries with {held}")
        self.closed[account] = held

    def take_end(self, row):
        self.balances = {account: fen for account, fen in self.balances.items() if fen}
        must(self.closed == self.balances, "accounts are missing among the closing balances")
        self.left = self.closed
        must(
            self.n == self.last, f"journals up to {self.last} were promised, {self.n} was the last"
        )
        told = {"end": self.n, "link": self.link, "sha256": self.whole.hexdigest()}
        must(row == told, "the end is not that of this file")


def main(arguments):
    links = {
        given
        for given in arguments
        if len(given) == 64 and not set(given) - set("0123456789abcdef")
    }
    books = Books(links)
    for path in arguments:
        if path not in links:
            try:
                books.read(path)
            except (Broken, OSError, EOFError, zlib.error) as wrong:
                return f"{path}: {wrong}"
            sys.stdout.write(f"{path}: in order up to number {books.n}, link {books.link}\n")
    if books.known:
        return f"links that did not come up: {', '.join(sorted(books.known))}"
    return 0 if books.n is not None else __doc__


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
