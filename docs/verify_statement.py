#!/usr/bin/env python3
"""Checks a signed statement, alone: Python 3.8 or newer, its standard library, no network.

    python3 verify_statement.py ST20261031….jsonl keys.json

keys.json is what GET /v1/statement-keys answers, fetched once and kept; or give the public key
itself, 64 hex digits. Checked are: every line's hash, that the lines are numbered without a gap,
that opening + lines = closing for each account, the sums by cause, and the signature (Ed25519,
RFC 8032) over the last hash. Exit status 0: all holds. 1: the first thing that does not, by line.
"""

import hashlib
import json
import sys

CONTEXT = b"tuike statement 1\n"
MEMBERS = {  # what a line of each type says, nothing less and nothing more
    "statement": "type version number owner period zone from to closed_at opening key",
    "line": "type n at account cause journal order commission reference reason late amount_fen",
    "end": "type lines sums closing",
}
DIGITS = b"0123456789abcdef"

# ---------------------------------------------------------------- Ed25519, after RFC 8032, 5.1
P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493  # the order of the base point
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)  # a square root of -1


def add(a, b):
    """The sum of two points (X, Y, Z, T): x = X/Z, y = Y/Z, xy = T/Z."""
    minus, plus = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = plus - minus, d - c, d + c, plus + minus
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number, point):
    """The point added to itself `number` times."""
    found = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = add(found, point)
        point = add(point, point)
        number >>= 1
    return found


def same(a, b):
    """Whether two points are one."""
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def point_of(text):
    """The point of its 32 bytes; None where there is none."""
    y = int.from_bytes(text, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def is_signed(public, message, signature):
    """Whether `signature` (64 bytes) is of `message` by the holder of `public` (32 bytes)."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, first = point_of(public), point_of(signature[:32])
    second = int.from_bytes(signature[32:], "little")
    if key is None or first is None or second >= Q:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    challenge = int.from_bytes(digest, "little") % Q
    return same(times(second, BASE), add(first, times(challenge, key)))


# ---------------------------------------------------------------- the statement
class Wrong(Exception):
    """What does not hold, and in which line."""


def need(holds, line, what):
    """Goes on only where it holds."""
    if not holds:
        raise Wrong(f"line {line}: {what}")


def once(members):
    """A JSON object none of whose members comes twice: readers differ in which one they take."""
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("has a member that comes twice")
    return found


def read(number, text):
    """The object of a line, which has exactly the members of its type."""
    try:
        found = json.loads(text, object_pairs_hook=once)
    except ValueError as wrong:
        raise Wrong(f"line {number}: {wrong}") from None
    wanted = MEMBERS.get(str(found.get("type")), "").split()
    need(not wanted or sorted(found) == sorted(wanted), number, "has other members than it may")
    return found


def objects(file):
    """(number, object, hash, signature) of each line whose own hash is right. Behind the hash may
    stand a signature and nothing else: it is None where there is none."""
    before = ""
    for number, line in enumerate(file, 1):
        need(line.endswith(b"\n"), number, "is cut off")
        text, signature = line[:-1], None
        if b',"signature":"' in text:
            text, _, rest = text.rpartition(b',"signature":"')
            right = len(rest) == 130 and rest.endswith(b'"}') and not rest[:-2].strip(DIGITS)
            need(right, number, "has no signature of 64 bytes in hex")
            text, signature = text + b"}", rest[:-2].decode()
        body, _, rest = text.rpartition(b',"hash":"')
        now = hashlib.sha256(before.encode() + body + b"}").hexdigest()
        need(rest == now.encode() + b'"}', number, "is not what was signed: its hash differs")
        yield number, read(number, body + b"}"), now, signature
        before = now


class Check:
    """What the lines have said so far."""

    def __init__(self, keys):
        self.keys, self.head, self.end, self.lines, self.late = keys, {}, {}, 0, 0
        self.balances, self.sums = {}, {}

    def take(self, number, found, now, signature):
        """One line of the file."""
        need(not self.end, number, "stands behind the end")
        is_end = found.get("type") == "end"
        need(is_end or signature is None, number, "has a signature, and is not the end")
        need(signature or not is_end, number, "has no signature")
        if number == 1:
            known = found.get("type") == "statement" and found.get("version") == 1
            need(known, 1, "is no head of a statement")
            self.head, self.balances = found, dict(found["opening"])
        elif found.get("type") == "line":
            self.line(number, found)
        else:
            need(is_end, number, "is neither a line nor the end")
            self.close(number, found, now, signature)

    def line(self, number, found):
        """One entry of the ledger."""
        self.lines += 1
        need(found["n"] == self.lines, number, f"is numbered {found['n']}, not {self.lines}")
        self.late += bool(found["late"])
        account, fen = found["account"], found["amount_fen"]
        self.balances[account] = self.balances.get(account, 0) + fen
        cause = self.sums.setdefault(found["cause"], {})
        cause[account] = cause.get(account, 0) + fen

    def close(self, number, end, now, signature):
        """The last line: how many, sums, balances, signature."""
        need(end["lines"] == self.lines, number, f"says {end['lines']} lines, not {self.lines}")
        need(end["sums"] == self.sums, number, "has other sums than its lines")
        need(end["closing"] == self.balances, number, "has other balances than its lines")
        key = self.head["key"]
        need(key in self.keys, 1, f"names the key {key}, which is not among yours")
        public, signed = bytes.fromhex(self.keys[key]), bytes.fromhex(signature)
        right = is_signed(public, CONTEXT + now.encode(), signed)
        need(right, number, f"has a signature that is not of the key {key}")
        self.end = end

    def __str__(self):
        head, closing = self.head, self.end["closing"]
        return (
            f"{head['number']} of {head['owner']}, {head['period']} ({head['zone']}): "
            f"{self.lines} lines ({self.late} late), closing {closing}"
        )


def verify(file, keys):
    """Checks a statement (a binary file) against public keys by id; what it says, in short.

    Raises Wrong with the number of the first line that does not hold."""
    check, number = Check(keys), 0
    for number, found, now, signature in objects(file):
        check.take(number, found, now, signature)
    need(check.end, number + 1, "is missing: the file ends before the statement does")
    return str(check)


def keys_of(text):
    """Public keys by id: of the answer of GET /v1/statement-keys, or one key in hex."""
    if len(text) == 64:
        return {hashlib.sha256(bytes.fromhex(text)).hexdigest()[:16]: text}
    with open(text, "rb") as file:
        told = json.load(file)["results"]
    for key in told:
        own = hashlib.sha256(bytes.fromhex(key["public_key"])).hexdigest()[:16]
        if own != key["key_id"]:
            raise Wrong(f"the key {key['key_id']} is not what its id says")
    return {key["key_id"]: key["public_key"] for key in told}


def main(arguments):
    """The command."""
    if len(arguments) != 2:
        sys.stdout.write(__doc__)
        return 2
    try:
        keys = keys_of(arguments[1])
        with open(arguments[0], "rb") as file:
            sys.stdout.write(f"right: {verify(file, keys)}\n")
        return 0
    except (Wrong, KeyError, TypeError, ValueError) as wrong:
        sys.stdout.write(f"WRONG: {wrong}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
