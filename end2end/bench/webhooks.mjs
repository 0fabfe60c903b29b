// `npm run bench:webhooks`: how soon 10,000 waiting events reach a receiver on this machine, and what it costs the checks of
// keys meanwhile. On SQLite, and on the PostgreSQL that `.tools/with-postgres` runs if there is one. Needs wrk and python3.
import { execFile, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { engines, runSql } from "./databases.mjs";
import { folder, pause, report, row, start } from "./server.mjs";

const EVENTS = 10_000;
const LANES = 500;
const DAY = 86_400_000;
const seed = join(import.meta.dirname, "seed.py");

let received = 0;
const sink = createServer((request, response) => {
  request.resume().once("end", () => {
    received += 1;
    response.writeHead(204).end();
  });
});
await new Promise((resolve) => sink.listen(0, "127.0.0.1", resolve));

/** The 99th percentile of checks with known keys, in milliseconds. */
async function p99(server, org, tokens, seconds) {
  const script = join(import.meta.dirname, "keys.lua");
  const address = `http://127.0.0.1:${server.port}/api/v1/authorize?org=${org}`;
  const env = { ...process.env, TOKENS: tokens, THREADS: "1", READY: join(folder, "ready") };
  const options = ["-t1", "-c2", `-d${seconds}s`, "--latency", "-s", script, address];
  const { stdout } = await promisify(execFile)("wrk", options, { encoding: "utf8", env });
  const [, number, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout);
  return Number(number) * { us: 0.001, ms: 1, s: 1_000 }[unit];
}

async function measure(engine, url) {
  const env = { LATCHKEY_DATABASE_URL: url, LATCHKEY_WEBHOOK_TARGETS: "127.0.0.1/32" };
  await (await start(env)).stop(); // which makes its tables
  const tokens = join(folder, `${engine}.txt`);
  const wish = ["--keys", "1000", "--cost", "10", "--tokens", tokens];
  const org = execFileSync("python3", [seed, url, ...wish], { encoding: "utf8" }).trim();
  const now = Date.now();
  const secret = `whsec_${randomBytes(32).toString("base64")}`;
  runSql(
    engine,
    url,
    `INSERT INTO webhook_endpoints (id, org_id, url, description, events, secret, created_at, created_by, disabled_because,
     failures, paused_until, generation)
     SELECT '01900000-0000-7000-a000-000000000001', '${org}', 'http://127.0.0.1:${sink.address().port}/', '', 'key.*',
     '${secret}', ${now}, id, '', 0, 0, 0 FROM users;`,
  );
  const server = await start(env);
  await p99(server, org, tokens, 2); // which proves the keys
  const before = await p99(server, org, tokens, 5);
  received = 0;
  const numbers =
    engine === "SQLite"
      ? "WITH RECURSIVE s (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < MOST) SELECT i, printf('%012d', i) AS n FROM s"
      : "SELECT i, lpad(CAST(i AS TEXT), 12, '0') AS n FROM generate_series(0, MOST) AS i";
  const series = numbers.replace("MOST", String(EVENTS - 1));
  const [event, delivery] = ["'01900000-0000-7000-b000-' || n", "'01900000-0000-7000-c000-' || n"];
  const began = performance.now();
  runSql(
    engine,
    url,
    `INSERT INTO webhook_events (id, org_id, type, subject, body, created_at)
     SELECT ${event}, '${org}', 'key.created', 'Job', '{"type":"key.created","data":{}}', ${now} FROM (${series}) AS many;
     INSERT INTO webhook_deliveries (id, org_id, endpoint_id, event_id, lane, seq, created_at, due_at, expires_at, lease_until,
     attempts, failures, last_error, last_took, given_up_because)
     SELECT ${delivery}, '${org}', '01900000-0000-7000-a000-000000000001', ${event}, CAST(i % ${LANES} AS TEXT), i, ${now},
     ${now}, ${now + DAY}, 0, 0, 0, '', 0, '' FROM (${series}) AS many;`,
  );
  const during = p99(server, org, tokens, 5);
  while (received < EVENTS) await pause(20);
  row(`${engine}: 10,000 waiting webhooks, delivered after`, (performance.now() - began) / 1_000, 30, "s");
  row(`${engine}: p99 of checks meanwhile, to that before`, (await during) / before, 2, "x");
  await server.stop();
}

try {
  for (const [engine, url] of engines()) await measure(engine, url);
} finally {
  sink.close();
  rmSync(folder, { recursive: true, force: true });
}
report();
