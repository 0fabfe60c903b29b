// What checking a key costs: `authorize` beside a server that does almost nothing (limit/), in the same run, in turns.
// Needs wrk, python3 and the release binary.
import { execFileSync, spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import {
  atLeast,
  cpuMillis,
  folder,
  freePort,
  memory,
  pause,
  report,
  row,
  start,
  target,
} from "./server.mjs";

const ROUNDS = Number(process.env.ROUNDS || 6);
const SECONDS = Number(process.env.SECONDS || 3);
const MANY = Number(process.env.MANY || 1_000_000);
const CONNECTIONS = 16;
const THREADS = 2;
/** Two turns of the same server that differ by less are of the same moment. */
const STEADY = 0.04;
/** Of so few turns a median says nothing. */
const LEAST = 5;
const ready = join(folder, "ready");
const seed = join(import.meta.dirname, "seed.py");

const lines = (path) => readFileSync(path, "utf8").trimEnd().split("\n");
const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
};

/** A migrated database with keys in it: its address, its organization and the file of tokens. */
async function database(name, keys, cost, more = []) {
  const url = `sqlite:${join(folder, `${name}.db`)}`;
  await (await start({ LATCHKEY_DATABASE_URL: url })).stop(); // which makes its tables
  const tokens = join(folder, `${name}.txt`);
  const wish = [seed, url, "--keys", keys, "--cost", cost, "--tokens", tokens, ...more];
  const org = execFileSync("python3", wish.map(String), { encoding: "utf8" }).trim();
  return { url, org, tokens, env: { LATCHKEY_DATABASE_URL: url, LATCHKEY_REMEMBERED_TOKENS: "2000000" } };
}

/** A number out of a database. */
function number({ url }, sql) {
  const ask = "import sqlite3,sys; print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])";
  return Number(execFileSync("python3", ["-c", ask, url.replace("sqlite:", ""), sql], { encoding: "utf8" }));
}

/** Waits until what a server counted is written down and added up, so that no later turn pays for it. */
async function rest(base) {
  do await pause(1_500);
  while (number(base, "SELECT COUNT(*) FROM usage_journal") > 0);
}

/** Requests a second, and the server's processor time for each. Two threads, as the server has: one alone sometimes shares
 * a processor with a thread of the server and sometimes not, and is then a third slower or not. */
function load(server, path, tokens) {
  const before = cpuMillis(server.pid);
  const address = `http://127.0.0.1:${server.port}${path}`;
  const script = join(import.meta.dirname, "keys.lua");
  const options = [`-t${THREADS}`, `-c${CONNECTIONS}`, `-d${SECONDS}s`, "-s", script, address];
  rmSync(ready, { force: true });
  const env = { ...process.env, TOKENS: tokens, THREADS: String(THREADS), READY: ready };
  const printed = execFileSync("wrk", options, { encoding: "utf8", env });
  const requests = Number(/(\d+) requests in/.exec(printed)[1]);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(printed)?.[1] ?? 0);
  if (/Socket errors/.test(printed)) throw new Error(printed);
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(printed)[1]);
  return { rate, requests, refused, cpu: ((cpuMillis(server.pid) - before) * 1_000) / requests };
}

/** Sends every token once over a few connections; how long it took in seconds. The client is a plain one, because it works
 * on the same processors. */
async function warm(port, path, tokens) {
  const began = performance.now();
  let next = 0;
  const worker = () =>
    new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1");
      let answer = "";
      const ask = () => {
        if (next === tokens.length) return socket.end(resolve);
        const token = tokens[next++];
        return socket.write(
          `GET ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`,
        );
      };
      socket.setEncoding("latin1").once("connect", ask).once("error", reject);
      // An answer is headers only.
      socket.on("data", (part) => {
        answer += part;
        if (!answer.endsWith("\r\n\r\n")) return;
        if (!answer.startsWith("HTTP/1.1 200 ")) reject(new Error(answer));
        answer = "";
        ask();
      });
    });
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  return (performance.now() - began) / 1_000;
}

async function limit(tokens) {
  const port = await freePort();
  const manifest = join(import.meta.dirname, "limit/Cargo.toml");
  const built = join(target, "limit");
  execFileSync("cargo", [
    "build",
    "--quiet",
    "--release",
    "--manifest-path",
    manifest,
    "--target-dir",
    built,
  ]);
  const child = spawn(join(built, "release/limit"), [String(port), tokens], { stdio: "inherit" });
  process.once("exit", () => child.kill("SIGKILL"));
  for (;;) {
    const up = await new Promise((resolve) => {
      request({ host: "127.0.0.1", port, path: "/check" }, (response) => resolve(response.resume()))
        .once("error", () => resolve(null))
        .end();
    });
    if (up) break;
    await pause(10);
  }
  return { port, pid: child.pid, stop: () => child.kill("SIGTERM") };
}

const few = await database("few", 1_000, 10);
const path = `/api/v1/authorize?org=${few.org}`;
const unknown = join(folder, "unknown.txt");
writeFileSync(unknown, execFileSync("python3", [seed, "unknown", "--keys", "1000"]));
const malformed = join(folder, "malformed.txt");
const spoil = (token) => token.slice(0, -1) + (token.endsWith("0") ? "1" : "0");
writeFileSync(malformed, lines(few.tokens).map(spoil).join("\n") + "\n");

/** Measures a path beside the server that does almost nothing, in turns. Returns the number of accepted requests. */
function compare(what, server, path, tokens, least, isValid = true) {
  const [ratios, costs] = [[], []];
  let accepted = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const results = {};
    for (const who of round % 2 ? ["bare", "ours"] : ["ours", "bare"]) {
      const [asked, where] = who === "ours" ? [server, path] : [bare, "/check"];
      results[who] = load(asked, where, who === "ours" || !isValid ? tokens : few.tokens);
    }
    const { ours, bare: other } = results;
    if (ours.refused !== (isValid ? 0 : ours.requests)) throw new Error(`${what}: wrong answers`);
    if (isValid) accepted += ours.requests;
    ratios.push(ours.rate / other.rate);
    costs.push(ours.cpu / other.cpu);
    if (process.env.VERBOSE) console.log(what, results);
  }
  atLeast(`${what}: requests as a share of bare axum`, median(ratios), least, "x");
  row(`${what}: processor time a request, to bare axum`, median(costs), least < 0.85 ? undefined : 1.25, "x");
  return accepted;
}

// Beside the server that does almost nothing.
const server = await start(few.env);
const bare = await limit(few.tokens);
await warm(server.port, path, lines(few.tokens));
let accepted = 1_000;
for (const [kind, tokens, least] of [
  ["valid", few.tokens, 0.85],
  ["unknown", unknown, 0.85],
  ["malformed", malformed, 0.85],
]) {
  const isValid = kind === "valid";
  accepted += compare(`authorize, ${kind}`, server, path, tokens, least, isValid);
}
await server.stop();

// With what customers' keys have: twenty permissions and a query of three terms, and a quota.
const query = encodeURIComponent("area3.read and (area7.read or area19.read)");
for (const [what, name, more, parameters] of [
  [
    "authorize, 20 permissions and three terms",
    "permissions",
    ["--permissions", 20],
    `&permissions=${query}`,
  ],
  ["authorize, a quota", "quota", ["--quota", 1_000_000_000], ""],
]) {
  const base = await database(name, 1_000, 10, more);
  const measured = await start(base.env);
  const address = `/api/v1/authorize?org=${base.org}${parameters}`;
  await warm(measured.port, address, lines(base.tokens));
  compare(what, measured, address, base.tokens, 0.8);
  await measured.stop();
}
bare.stop();
// wrk leaves its last requests unanswered: at most one a connection and turn was counted here and not there.
const missing = number(few, "SELECT SUM(requests) FROM usage_hours") - accepted;
row("totals after the stop: counted beyond what was answered", missing, ROUNDS * CONNECTIONS, "");
atLeast("totals after the stop: not fewer than were answered", missing, 0, "");

if (process.env.QUICK) {
  report();
  rmSync(folder, { recursive: true, force: true });
  process.exit();
}

// Warm after a start, at the usual cost.
const some = await database("some", 10_000, 10);
const second = await start(some.env);
row("10,000 keys proven after a start", await warm(second.port, path, lines(some.tokens)), 15, "s");
await second.stop();

// A million: about as quick as a thousand, and how much memory each takes. The cost is low, so that proving them is quick.
const many = await database("many", MANY, 1);
const third = await start(many.env);
// The first part fills the caches of the database's connections.
const part = MANY / 10;
await warm(third.port, path, lines(many.tokens).slice(0, part));
const before = memory(third.pid);
await warm(third.port, path, lines(many.tokens).slice(part));
await rest(many); // what is not yet added up takes memory of its own
row("memory of each remembered key", (memory(third.pid) - before) / (MANY - part), 600, "B");
const first = join(folder, "first.txt");
writeFileSync(first, lines(many.tokens).slice(0, 1_000).join("\n") + "\n");
// Each beside bare axum with the same tokens, once before and once after. The machine is shared, and from one moment to
// the next a third slower or quicker: a turn counts where both times of bare axum are about the same. What it wrote down is
// added up after its turn.
const steady = { few: [], many: [] };
const beside = { few: await limit(first), many: await limit(many.tokens) };
const counted = () => Math.min(steady.few.length, steady.many.length);
for (let round = 0; round < 4 * ROUNDS && counted() < ROUNDS; round++) {
  for (const [which, tokens] of [
    ["few", first],
    ["many", many.tokens],
  ]) {
    const glance = () => {
      load(beside[which], "/check", tokens); // a machine that has rested is quicker
      return load(beside[which], "/check", tokens);
    };
    const earlier = glance();
    const ours = load(third, path, tokens);
    await rest(many); // or adding up would take from the next turn
    const later = glance();
    if (ours.refused + earlier.refused + later.refused) throw new Error("a key was refused");
    const rate = ours.rate / Math.max(earlier.rate, later.rate);
    const cpu = ours.cpu / Math.min(earlier.cpu, later.cpu);
    const isSteady = Math.abs(later.rate / earlier.rate - 1) < STEADY;
    if (isSteady) steady[which].push({ rate, cpu, plain: ours.rate });
    if (process.env.VERBOSE) console.log(which, isSteady, earlier, ours, later);
  }
}
Object.values(beside).forEach((server) => server.stop());
atLeast("turns of each kind on a steady machine", counted(), LEAST, "");
const of = (which, what) => median(steady[which].map((turn) => turn[what]));
for (const which of ["few", "many"]) {
  const [rate, cpu] = [of(which, "rate").toFixed(3), of(which, "cpu").toFixed(3)];
  const plain = Math.round(of(which, "plain")).toLocaleString("en");
  console.log(
    `${which} keys: ${plain} a second; of bare axum's ${rate}, of its processor time a request ${cpu}`,
  );
}
const share = of("many", "rate") / of("few", "rate");
atLeast(
  `${MANY.toLocaleString("en")} keys: share of bare axum's requests, to that of 1,000`,
  share,
  0.85,
  "x",
);
await third.stop();
report();
