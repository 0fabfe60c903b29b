// A fresh database for each server under test: a file in the server's folder, or a database of its own in the
// PostgreSQL that `.tools/with-postgres` runs.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";

export type Engine = "sqlite" | "postgres";

export interface Database {
  url: string;
  /** Runs SQL beside the server, as an operator could. */
  run(sql: string): void;
  /** The first column of what a query finds. */
  texts(sql: string): string[];
  drop(): void;
}

export function createDatabase(engine: Engine, folder: string): Database {
  return engine === "sqlite" ? sqlite(join(folder, "latchkey.db")) : postgres();
}

/** Python carries SQLite everywhere; Node.js has it from version 22 on. */
const SQLITE_RUN =
  "import sqlite3,sys; d = sqlite3.connect(sys.argv[1]); d.executescript(sys.argv[2]); d.commit(); d.close()";

const SQLITE_TEXTS =
  "import json,sqlite3,sys; print(json.dumps([row[0] for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2])]))";

function sqlite(path: string): Database {
  return {
    url: `sqlite:${path}`,
    run: (sql) => void execFileSync("python3", ["-c", SQLITE_RUN, path, sql]),
    texts: (sql) => {
      const found = execFileSync("python3", ["-c", SQLITE_TEXTS, path, sql], { encoding: "utf8" });
      return JSON.parse(found) as string[];
    },
    drop: () => undefined, // it goes with the folder
  };
}

function postgres(): Database {
  const admin = process.env["LATCHKEY_TEST_POSTGRES"];
  if (!admin)
    throw new Error("LATCHKEY_TEST_POSTGRES is not set: run 'make test', which starts a PostgreSQL");
  const name = `latchkey_test_${randomBytes(8).toString("hex")}`;
  const url = new URL(admin);
  url.pathname = `/${name}`;
  psql(admin, `CREATE DATABASE ${name}`);
  return {
    url: url.href,
    run: (sql) => void psql(url.href, sql),
    texts: (sql) => psql(url.href, sql).split("\n").filter(Boolean),
    drop: () => void psql(admin, `DROP DATABASE ${name} WITH (FORCE)`),
  };
}

function psql(address: string, sql: string): string {
  const folder = process.env["LATCHKEY_TEST_PG_BIN"];
  const program = folder ? join(folder, "psql") : "psql";
  const words = ["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-d", address, "-c", sql];
  return execFileSync(program, words, { encoding: "utf8", stdio: "pipe" });
}
