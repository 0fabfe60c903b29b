// The databases of benches: SQLite, and the PostgreSQL that `.tools/with-postgres` runs if there is one.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { folder } from "./server.mjs";

/** The name of each engine, and the address of an empty database. A database of PostgreSQL is dropped at the end. */
export function* engines() {
  yield ["SQLite", `sqlite:${join(folder, "bench.db")}`];
  const postgres = process.env.LATCHKEY_TEST_POSTGRES;
  if (!postgres) return;
  const name = `latchkey_bench_${process.pid}`;
  psql(postgres, `CREATE DATABASE ${name}`);
  const url = new URL(postgres);
  url.pathname = `/${name}`;
  try {
    yield ["PostgreSQL", url.href];
  } finally {
    psql(postgres, `DROP DATABASE ${name} WITH (FORCE)`);
  }
}

/** Runs several statements in one database. */
export function runSql(engine, url, sql) {
  if (engine === "SQLite") {
    const program =
      "import sqlite3,sys; d = sqlite3.connect(sys.argv[1], timeout=600); d.executescript(sys.stdin.read()); d.commit()";
    execFileSync("python3", ["-c", program, url.replace("sqlite:", "")], { input: sql });
  } else psql(url, sql);
}

function psql(address, sql) {
  const bin = process.env.LATCHKEY_TEST_PG_BIN;
  const program = bin ? join(bin, "psql") : "psql";
  execFileSync(program, ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", address, "-c", sql], { stdio: "pipe" });
}
