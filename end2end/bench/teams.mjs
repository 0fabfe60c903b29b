// `npm run bench:teams`: the first screens of members and audit log at 10,000 members and 1,000,000 events, and what
// exporting those takes, on SQLite and, where LATCHKEY_TEST_POSTGRES names one, on PostgreSQL. Ends with 1 when a target
// is missed.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { globalAgent, request } from "node:http";
import { join } from "node:path";
import { folder, report, row, start } from "./server.mjs";

const MEMBERS = Number(process.env.MEMBERS || 10_000);
const EVENTS = Number(process.env.EVENTS || 1_000_000);
const VIEWS = 40;
const LOG = "/settings/audit-log";
const PAGES = [
  "/settings/members",
  LOG,
  `${LOG}?actor=person`,
  `${LOG}?actor=person+7`,
  `${LOG}?action=key`,
  `${LOG}?target=job+4711`,
  `${LOG}?target=person&action=7`,
  `${LOG}?actor=person&action=key&target=job+4711`,
];
/** Python carries SQLite everywhere. */
const RUN =
  "import sqlite3,sys; d = sqlite3.connect(sys.argv[1]); d.executescript(sys.argv[2]); d.commit(); d.close()";
const postgres = process.env.LATCHKEY_TEST_POSTGRES;

try {
  await measure("SQLite", `sqlite:${join(folder, "teams.db")}`, (url, sql) =>
    execFileSync("python3", ["-c", RUN, url.replace("sqlite:", ""), sql]),
  );
  if (postgres) {
    const url = new URL(postgres);
    url.pathname = "/latchkey_bench_teams";
    psql(postgres, "DROP DATABASE IF EXISTS latchkey_bench_teams");
    psql(postgres, "CREATE DATABASE latchkey_bench_teams");
    await measure("PostgreSQL", url.href, psql);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
report();

async function measure(engine, url, run) {
  const server = await start({ LATCHKEY_DATABASE_URL: url });
  try {
    const cookie = await setUp(server);
    run(url, seed());
    run(url, "ANALYZE");
    globalAgent.destroy(); // the server has closed what was silent meanwhile
    for (const path of PAGES) {
      const times = [];
      for (let n = 0; n < VIEWS; n += 1) {
        const began = performance.now();
        await ask(server, "GET", path, { cookie });
        times.push(performance.now() - began);
      }
      times.sort((a, b) => a - b);
      row(`${engine}: ${path}, median of ${VIEWS}`, times[VIEWS >> 1], 20, "ms");
    }
    const began = performance.now();
    const lines = await ask(server, "GET", "/settings/audit-log/export", { cookie, counts: true });
    if (lines < EVENTS) throw new Error(`${lines} lines instead of ${EVENTS}`);
    row(`${engine}: export of ${lines} events`, (performance.now() - began) / 1_000, undefined, "s");
    const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))[1]);
    row(`${engine}: most memory (RSS) ever`, peak / 1_024, 64, "MiB");
  } finally {
    await server.stop();
  }
}

async function setUp(server) {
  const link = /setup\?link=(\w+)/.exec(server.output())[1];
  const password = "tide water marsh lantern";
  const fields = { link, name: "Alice", email: "alice@x.example", password, organization: "Bench" };
  const answer = await ask(server, "POST", "/setup", { fields });
  return (answer["set-cookie"] ?? []).map((line) => line.split(";")[0]).join("; ");
}

/** Identifiers that sort by their number, all after those of the set-up's. */
function seed() {
  const numbers = (most) =>
    `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${most})`;
  const id = (kind) =>
    `'fffffff${kind}-0000-7000-8000-' || substr('000000000000' || CAST(n AS TEXT), length(CAST(n AS TEXT)) + 1)`;
  return `
    INSERT INTO users (id, email, email_key, name, name_key, epoch, created_at, last_seen_at)
    ${numbers(MEMBERS - 1)} SELECT ${id(1)}, 'p' || CAST(n AS TEXT) || '@x.example', 'p' || CAST(n AS TEXT) || '@x.example',
      'Person ' || CAST(n AS TEXT), 'person ' || CAST(n AS TEXT), 0, n, n FROM numbers;
    INSERT INTO memberships (org_id, user_id, role, created_at)
    ${numbers(MEMBERS - 1)} SELECT organizations.id, ${id(1)}, 'member', n FROM numbers, organizations;
    INSERT INTO audit (id, at, org_id, actor_kind, actor_id, actor_name, action, target_kind, target_id, target_name,
      target_key, address, user_agent, request_id, details)
    ${numbers(EVENTS)} SELECT ${id(2)}, 1795168800000 + n, organizations.id, 'person',
      'fffffff1-0000-7000-8000-00000000000' || CAST(n % 10 AS TEXT), 'Person ' || CAST(n % 10 AS TEXT),
      'key.' || CAST(n % 30 AS TEXT), 'key', CAST(n AS TEXT), 'job ' || CAST(n % 5000 AS TEXT), 'job ' || CAST(n % 5000 AS TEXT),
      '203.0.113.7', 'Firefox/140.0 Linux', 'req_' || CAST(n AS TEXT), '{"from":"a","to":"b"}' FROM numbers, organizations;`;
}

/** The headers of an answer; of one that is read for its lines, their number. */
function ask(server, method, path, { fields, cookie, counts } = {}) {
  const origin = `http://127.0.0.1:${server.port}`;
  const headers = { accept: "text/html", origin };
  if (fields) headers["content-type"] = "application/x-www-form-urlencoded";
  if (cookie) headers.cookie = cookie;
  return new Promise((resolve, reject) => {
    const sent = request(origin + path, { method, headers }, (response) => {
      let lines = 0;
      response.on("data", (chunk) => {
        if (counts) for (const byte of chunk) lines += byte === 10 ? 1 : 0;
      });
      response.once("error", reject).once("end", () => {
        if (response.statusCode >= 400) reject(new Error(`${method} ${path}: ${response.statusCode}`));
        else resolve(counts ? lines : response.headers);
      });
    });
    sent.once("error", reject);
    sent.end(fields ? new URLSearchParams(fields).toString() : "");
  });
}

function psql(address, sql) {
  const program = process.env.LATCHKEY_TEST_PG_BIN ? join(process.env.LATCHKEY_TEST_PG_BIN, "psql") : "psql";
  execFileSync(program, ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", address, "-c", sql], { stdio: "pipe" });
}
