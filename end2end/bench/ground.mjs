// `npm run bench`: how soon a release server answers after its start, and what it holds in memory when idle. Builds
// nothing: `make bench` does that first. Ends with 1 when a target is missed.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const STARTS = 15;
const PAGES = 50;
const START_TARGET_MS = 200;
const MEMORY_TARGET_MIB = 40;

const target = process.env.CARGO_TARGET_DIR || join(import.meta.dirname, "../../target");
const binary = process.env.LATCHKEY_TEST_BINARY || join(target, "release/latchkey");
if (!existsSync(binary)) {
  console.error(`there is no ${binary}: run 'make bench', which builds it`);
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
const rows = [];
try {
  const times = [];
  for (let run = 0; run < STARTS; run += 1) {
    const server = await start();
    times.push(server.took);
    await server.stop();
  }
  times.sort((a, b) => a - b);
  const range = `${times[0].toFixed(0)} to ${times.at(-1).toFixed(0)}`;
  row(`start to first answer, median of ${STARTS} (${range})`, times[STARTS >> 1], START_TARGET_MS, "ms");

  const server = await start();
  for (let page = 0; page < PAGES; page += 1) await status(server.port, "/");
  await pause(1_000);
  row(
    `memory (RSS) after ${PAGES} pages`,
    kib(server.pid, "status", "VmRSS") / 1024,
    MEMORY_TARGET_MIB,
    "MiB",
  );
  row("  of which its own share (PSS)", kib(server.pid, "smaps_rollup", "Pss") / 1024, undefined, "MiB");
  await server.stop();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

for (const { what, value, limit, unit, missed } of rows) {
  const wanted = limit === undefined ? "" : `target ${limit} ${unit}${missed ? "  MISSED" : ""}`;
  console.log(`${what.padEnd(54)} ${value.toFixed(1).padStart(8)} ${unit.padEnd(4)} ${wanted}`.trimEnd());
}
process.exit(rows.some(({ missed }) => missed) ? 1 : 0);

function row(what, value, limit, unit) {
  rows.push({ what, value, limit, unit, missed: limit !== undefined && value > limit });
}

/** A server on a new database, timed from its spawn to its first 200. */
async function start() {
  const port = await freePort();
  const database = join(mkdtempSync(join(folder, "run-")), "latchkey.db");
  const began = performance.now();
  const child = spawn(binary, ["serve"], {
    cwd: folder,
    env: { LATCHKEY_SITE_ADDR: `127.0.0.1:${port}`, LATCHKEY_DATABASE_URL: `sqlite:${database}` },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const killWithUs = () => child.kill("SIGKILL");
  process.once("exit", killWithUs);
  const ended = new Promise((resolve) => child.once("exit", (code) => resolve(code ?? "a signal")));
  while ((await status(port, "/healthz")) !== 200) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    if (performance.now() - began > 30_000) {
      child.kill("SIGKILL");
      throw new Error("the server did not answer within 30 s");
    }
    await pause(1);
  }
  const stop = async () => {
    child.kill("SIGTERM");
    const code = await ended;
    process.off("exit", killWithUs);
    if (code !== 0) throw new Error(`the server ended with ${code} instead of 0`);
  };
  return { port, pid: child.pid, took: performance.now() - began, stop };
}

/** The status of an answer; 0 without one. */
function status(port, path) {
  return new Promise((resolve) => {
    const headers = { accept: "text/html" };
    get({ host: "127.0.0.1", port, path, headers, agent: false }, (response) => {
      response.resume().once("end", () => resolve(response.statusCode));
    }).once("error", () => resolve(0));
  });
}

function kib(pid, file, name) {
  const line = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/${file}`, "utf8"));
  return Number(line[1]);
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
