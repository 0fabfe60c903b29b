// `npm run bench:device`: what logins cost while they wait: a thousand of them, each asking every five seconds, on SQLite
// and, where LATCHKEY_TEST_POSTGRES names one, on PostgreSQL. Ends with 1 when a target is missed.
import { execFileSync } from "node:child_process";
import { rmSync, statSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { cpuMillis, folder, pause, report, row, start } from "./server.mjs";

const LOGINS = Number(process.env.LOGINS || 1_000);
/** A little more than the pace that is asked for, so that nobody is slowed. */
const EVERY_MS = 5_200;
const TURNS = 4;
const CLIENT = "latchkey-cli";
const GRANT = "urn:ietf:params:oauth:grant-type:device_code";
const LIMITS = { LATCHKEY_DEVICE_CODES_PER_MINUTE: "100000", LATCHKEY_DEVICE_CODES_OPEN: "10000" };
const postgres = process.env.LATCHKEY_TEST_POSTGRES;

try {
  const path = join(folder, "device.db");
  await measure("SQLite", `sqlite:${path}`, () => statSync(`${path}-wal`).mtimeMs);
  if (postgres) {
    const url = new URL(postgres);
    url.pathname = "/latchkey_bench_device";
    const psql = (on, sql) => execFileSync("psql", ["-XAtqc", sql, on], { encoding: "utf8" });
    psql(postgres, "DROP DATABASE IF EXISTS latchkey_bench_device");
    psql(postgres, "CREATE DATABASE latchkey_bench_device");
    const rows =
      "SELECT tup_inserted + tup_updated + tup_deleted FROM pg_stat_database WHERE datname = current_database()";
    await measure("PostgreSQL", url.href, () => psql(url.href, rows).trim());
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
report();

async function measure(engine, url, written) {
  const server = await start({ LATCHKEY_DATABASE_URL: url, ...LIMITS });
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const ask = (path, form) =>
    new Promise((resolve, reject) => {
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      const began = performance.now();
      const asked = request({ host: "127.0.0.1", port: server.port, path, method: "POST", agent, headers });
      asked.once("error", reject).once("response", (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part) => (text += part));
        response.once("end", () => resolve({ told: JSON.parse(text), took: performance.now() - began }));
      });
      asked.end(new URLSearchParams(form).toString());
    });
  const codes = [];
  while (codes.length < LOGINS)
    codes.push((await ask("/oauth/device_authorization", { client_id: CLIENT })).told.device_code);
  await pause(12_000); // PostgreSQL tells its counts when a connection has rested for ten seconds
  const [before, cpu, began] = [written(), cpuMillis(server.pid), performance.now()];
  const times = [];
  const polls = [];
  for (let turn = 0; turn < TURNS * LOGINS; turn += 1) {
    await pause(Math.max(0, began + (turn * EVERY_MS) / LOGINS - performance.now()));
    const form = { grant_type: GRANT, client_id: CLIENT, device_code: codes[turn % LOGINS] };
    polls.push(
      ask("/oauth/token", form).then(({ told, took }) => {
        if (told.error !== "authorization_pending") throw new Error(JSON.stringify(told));
        times.push(took);
      }),
    );
  }
  await Promise.all(polls);
  const share = ((cpuMillis(server.pid) - cpu) / (performance.now() - began)) * 100;
  times.sort((a, b) => a - b);
  row(`${engine}: a poll of what is pending, median, with the way there`, times[times.length >> 1], 1, "ms");
  row(`${engine}: ${LOGINS} logins that poll every 5 s, of a core`, share, 5, "%");
  row(`${engine}: writes meanwhile`, written() === before ? 0 : 1, 0, "");
  agent.destroy();
  await server.stop();
}
