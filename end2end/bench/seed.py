#!/usr/bin/env python3
"""Fills a migrated database with one organization and many keys, and writes their tokens to a file, one a line.

    seed.py sqlite:PATH | postgres://… --keys N --cost LN --tokens FILE [--permissions N] [--quota N]

Prints the organization's id. The tokens are real: form, checksum and scrypt string are those of src/keys/server.
"""
import argparse, base64, hashlib, os, random, sqlite3, subprocess, sys, time, zlib
from concurrent.futures import ProcessPoolExecutor

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
NOW = int(time.time() * 1000)
ORG, USER = "01a1f866-0d00-7000-8000-000000000001", "01a1f866-0d00-7000-8000-000000000002"


def checksum(body):
    rest, text = zlib.crc32(body.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        text = BASE62[digit] + text
    return text


def base64_bare(data):
    return base64.b64encode(data).decode().rstrip("=")


def make(job):
    """Rows of one part of the keys, and their tokens."""
    start, end, cost = job
    chance = random.Random(start)
    pick = lambda length: "".join(chance.choices(BASE62, k=length))
    rows = []
    for number in range(start, end):
        secret_id, secret, salt = pick(12), pick(43), chance.randbytes(16)
        out = hashlib.scrypt(secret.encode(), salt=salt, n=2**cost, r=8, p=1, dklen=32, maxmem=2**30)
        phc = f"$scrypt$ln={cost},r=8,p=1${base64_bare(salt)}${base64_bare(out)}"
        body = f"ak_live_{secret_id}_{secret}"
        key_id = f"01a1f867-0d00-7000-8000-{number:012x}"
        created = NOW - 1000 * (end - number)
        calls = chance.randrange(100_000)
        used = 0 if number % 10 == 0 else created + chance.randrange(1_000_000)
        expires = None if number % 3 else NOW + 86_400_000 * (1 + chance.randrange(3_000))
        rows.append((key_id, f"Job {chance.randrange(10**9):09d}", secret_id, created, calls, used, expires, phc, body + checksum(body)))
    return rows


def parts(keys, cost):
    size = 5_000
    jobs = [(start, min(start + size, keys), cost) for start in range(0, keys, size)]
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        yield from pool.map(make, jobs)


KEYS = "keys (id, org_id, name, name_key, kind, role, note, ranges, secret_id, created_at, created_by, expires_at, generation, calls, last_used_at)"
SECRETS = "secrets (id, key_id, created_at, calls, last_used_at)"
HASHES = "secret_hashes (secret_id, hash)"


def tables(rows):
    key = lambda r: (r[0], ORG, r[1], r[1].lower() + r[0], "live", "member", "", "", r[2], r[3], USER, r[6], 0, r[4], r[5])
    yield KEYS, [key(r) for r in rows]
    yield SECRETS, [(r[2], r[0], r[3], r[4], r[5]) for r in rows]
    yield HASHES, [(r[2], r[7]) for r in rows]


FIRST = [
    ("organizations (id, name, plan, created_at)", [(ORG, "Bench", "enterprise", NOW)]),
    ("users (id, email, email_key, name, epoch, created_at)", [(USER, "bench@latchkey.test", "bench@latchkey.test", "Bench", 0, NOW)]),
    ("memberships (org_id, user_id, role, created_at)", [(ORG, USER, "owner", NOW)]),
]


def permissions(count):
    """The rows of permissions named area0.read, area1.read and so on."""
    return [(f"01a1f869-0d00-7000-8000-{n:012x}", ORG, f"area{n}.read", "", NOW, 0) for n in range(count)]


class Sqlite:
    def __init__(self, path):
        self.db = sqlite3.connect(path)
        self.db.execute("PRAGMA synchronous = OFF")

    def insert(self, table, rows):
        places = ", ".join("?" * len(rows[0]))
        self.db.executemany(f"INSERT INTO {table} VALUES ({places})", rows)

    def run(self, statement):
        self.db.execute(statement)

    def finish(self):
        self.db.commit()
        self.db.execute("ANALYZE")
        self.db.close()


class Postgres:
    def __init__(self, url):
        self.psql = ["psql", "-q", "-v", "ON_ERROR_STOP=1", url]

    def insert(self, table, rows):
        text = lambda value: "\\N" if value is None else str(value)
        lines = "\n".join("\t".join(map(text, row)) for row in rows)
        subprocess.run([*self.psql, "-c", f"COPY {table} FROM STDIN"], input=lines + "\n", text=True, check=True)

    def run(self, statement):
        subprocess.run([*self.psql, "-c", statement], check=True)

    def finish(self):
        self.run("ANALYZE")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("url", help="or 'unknown', to print tokens that are nobody's"), ap.add_argument("--keys", type=int, required=True)
    ap.add_argument("--cost", type=int, default=10), ap.add_argument("--tokens")
    ap.add_argument("--permissions", type=int, default=0), ap.add_argument("--quota", type=int)
    a = ap.parse_args()
    if a.url == "unknown":
        return print("\n".join(row[8] for row in make((-a.keys, 0, 1))))
    engine, _, path = a.url.partition(":")
    db = Sqlite(path) if engine == "sqlite" else Postgres(a.url)
    for table, rows in FIRST:
        db.insert(table, rows)
    listed = permissions(a.permissions)
    if listed:
        db.insert("permissions (id, org_id, name, description, created_at, asked_at)", listed)
    with open(a.tokens, "w") as tokens:
        for rows in parts(a.keys, a.cost):
            for table, values in tables(rows):
                db.insert(table, values)
            if listed:
                db.insert("key_permissions (key_id, permission_id)", [(row[0], one[0]) for row in rows for one in listed])
            tokens.writelines(row[8] + "\n" for row in rows)
    if a.quota:
        db.run(f"UPDATE keys SET quota = {a.quota}, quota_period = 'month'")
    db.finish()
    print(ORG)


if __name__ == "__main__":
    sys.exit(main())
