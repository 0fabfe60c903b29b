// `npm run bench:live`: the processor time of live updates. Many pages of one organization are open, and keys change.
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { cpuMillis, folder, pause, report, row, start } from "./server.mjs";

const PAGES = Number(process.env.PAGES || 500);
const SECONDS = Number(process.env.SECONDS || 60);
const CHANGES_PER_MINUTE = 100;
/** One person can have 50 open pages. */
const PEOPLE = Math.ceil(PAGES / 50);
const PASSWORD = "tide water marsh lantern";
const KEYS = "/settings/api-keys";
/** As in the island: a page fetches itself at most every two seconds. */
const MIN_PAUSE = 2_000;

const server = await start();
const origin = `http://127.0.0.1:${server.port}`;
const agent = new Agent({ keepAlive: true, maxSockets: 16 });
let [signals, fetches, isOver] = [0, 0, false];
try {
  const alice = await setUp();
  const secret = await createKeys(alice);
  addPeople();
  const cookies = [alice];
  for (let n = 1; n < PEOPLE; n += 1) cookies.push(await signIn(`person${n}@x.example`));
  for (let n = 0; n < PAGES; n += 1) await open(cookies[n % PEOPLE]);
  await pause(3_000);
  const idle = await measure(10, 0, secret);
  row(`${PAGES} open pages, no changes: share of a core`, idle, undefined, "%");
  [signals, fetches] = [0, 0];
  const busy = await measure(SECONDS, CHANGES_PER_MINUTE, secret);
  row(`${PAGES} open pages, ${CHANGES_PER_MINUTE} changes a minute: share of a core`, busy, 5, "%");
  row("  signals to pages", signals / SECONDS, undefined, "/s");
  row("  fetches of pages", fetches / SECONDS, undefined, "/s");
} finally {
  isOver = true;
  agent.destroy();
  rmSync(folder, { recursive: true, force: true });
}
report();
server.stop().finally(() => process.exit());

/** The share of a core that the server uses while keys change. */
async function measure(seconds, perMinute, secret) {
  const began = performance.now();
  const before = cpuMillis(server.pid);
  let changes = 0;
  while (performance.now() - began < seconds * 1_000) {
    if (changes < ((performance.now() - began) / 60_000) * perMinute) {
      changes += 1;
      await rename(secret, `key ${changes}`);
    }
    await pause(20);
  }
  return ((cpuMillis(server.pid) - before) / (performance.now() - began)) * 100;
}

async function setUp() {
  const link = /setup\?link=(\w+)/.exec(server.output())[1];
  const fields = { link, name: "Alice", email: "alice@x.example", password: PASSWORD, organization: "Bench" };
  return cookieOf(await ask("POST", "/setup", { fields }));
}

async function signIn(email) {
  return cookieOf(await ask("POST", "/sign-in", { fields: { email, password: PASSWORD } }));
}

/** Creates keys for a list of usual length. Returns the id and the secret of an admin's key. */
async function createKeys(cookie) {
  const { text: page } = await ask("GET", KEYS, { cookie });
  const org = /name="org" value="([^"]+)"/.exec(page)[1];
  const fields = { org, name: "changes", kind: "live", role: "admin", expiry: "never" };
  const { text } = await ask("POST", `${KEYS}/new`, { cookie, fields });
  const token = /ak_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}/.exec(text.replace(/<[^>]*>/g, ""))[0];
  const json = (body) => ({ token, body: JSON.stringify(body) });
  for (let n = 0; n < 48; n += 1) await ask("POST", "/api/v1/keys", json({ name: `job ${n}` }));
  const { text: made } = await ask("POST", "/api/v1/keys", json({ name: "key 0" }));
  return { token, id: JSON.parse(made).id };
}

async function rename({ token, id }, name) {
  await ask("PATCH", `/api/v1/keys/${id}`, { token, body: JSON.stringify({ name }) });
}

/** More members of the organization, with Alice's password. */
function addPeople() {
  const run =
    "import sqlite3,sys; d = sqlite3.connect(sys.argv[1]); d.executescript(sys.argv[2]); d.commit()";
  const id = (n) => `'01a1f866-0d00-7001-8000-${String(n).padStart(12, "0")}'`;
  const copies = Array.from({ length: PEOPLE - 1 }, (_, place) => {
    const n = place + 1;
    return `
      CREATE TEMP TABLE person AS SELECT * FROM users WHERE email = 'alice@x.example';
      UPDATE person SET id = ${id(n)}, email = 'person${n}@x.example', email_key = 'person${n}@x.example';
      INSERT INTO users SELECT * FROM person;
      INSERT INTO memberships (org_id, user_id, role, created_at)
        SELECT org_id, ${id(n)}, 'admin', created_at FROM memberships LIMIT 1;
      DROP TABLE person;`;
  });
  execFileSync("python3", ["-c", run, server.database, copies.join("\n")]);
}

/** An open page: it listens, and fetches itself after a signal as the island does. */
async function open(cookie) {
  const { text } = await ask("GET", KEYS, { cookie });
  const topic = /data-live-region="([^"]+)"/.exec(text)[1];
  let [fetchedAt, isDue] = [0, false];
  const changed = (spread) => {
    if (isDue) return;
    isDue = true;
    const wait = Math.max(0, MIN_PAUSE - (performance.now() - fetchedAt)) + Math.random() * spread;
    setTimeout(async () => {
      if (isOver) return;
      [fetchedAt, isDue] = [performance.now(), false];
      fetches += 1;
      await ask("GET", KEYS, { cookie, refresh: true }).catch((error) => {
        if (!isOver) throw error;
      });
    }, wait);
  };
  const headers = { cookie, accept: "text/event-stream" };
  const path = `/live?topic=${encodeURIComponent(topic)}`;
  await new Promise((resolve, reject) => {
    const sent = request(origin + path, { headers, agent: false }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`/live: ${response.statusCode}`));
      response.setEncoding("utf8").on("data", (part) => {
        for (const [, data] of part.matchAll(/^data: ?(\{.*\})$/gm)) {
          signals += 1;
          changed(JSON.parse(data).spread);
        }
      });
      resolve();
    });
    sent.once("error", reject).end();
  });
}

function ask(method, path, { fields, cookie, token, body, refresh } = {}) {
  const content = fields ? new URLSearchParams(fields).toString() : body;
  const headers = { accept: token ? "application/json" : "text/html", origin, "accept-encoding": "gzip" };
  if (fields) headers["content-type"] = "application/x-www-form-urlencoded";
  if (body) headers["content-type"] = "application/json";
  if (cookie) headers.cookie = cookie;
  if (token) headers.authorization = `Bearer ${token}`;
  if (refresh) headers["x-latchkey-refresh"] = "1";
  if (!refresh) delete headers["accept-encoding"];
  return new Promise((resolve, reject) => {
    const sent = request(origin + path, { method, headers, agent }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode >= 400)
          reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
        else resolve({ headers: response.headers, text });
      });
    });
    sent.once("error", reject);
    sent.end(content);
  });
}

function cookieOf({ headers }) {
  return (headers["set-cookie"] ?? []).map((line) => line.split(";")[0]).join("; ");
}
