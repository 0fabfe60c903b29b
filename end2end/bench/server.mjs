// A release server for benches: started on a new database, asked, stopped by its own id. And the table of figures.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const target = process.env.CARGO_TARGET_DIR || join(import.meta.dirname, "../../target");
const binary = process.env.LATCHKEY_TEST_BINARY || join(target, "release/latchkey");
if (!existsSync(binary)) {
  console.error(`there is no ${binary}: run 'make bench', which builds it`);
  process.exit(1);
}

export const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
const rows = [];

/** A figure, and the most it may be. */
export function row(what, value, limit, unit) {
  rows.push({ what, value, limit, unit, missed: limit !== undefined && value > limit });
}

/** A figure, and the least it may be. */
export function atLeast(what, value, limit, unit) {
  rows.push({ what, value, limit, unit, missed: !(value >= limit) });
}

/** Prints the figures; the exit code tells whether all are met. */
export function report() {
  for (const { what, value, limit, unit, missed } of rows) {
    const wanted = limit === undefined ? "" : `target ${limit} ${unit}${missed ? "  MISSED" : ""}`;
    console.log(
      `${what.padEnd(54)} ${value.toFixed(value < 10 ? 2 : 1).padStart(8)} ${unit.padEnd(4)} ${wanted}`.trimEnd(),
    );
  }
  process.exitCode = rows.some(({ missed }) => missed) ? 1 : 0;
}

/** A server on a new database, unless the settings name another, timed from its spawn to its first 200. `output` gives what it has printed. */
export async function start(settings = {}) {
  const port = await freePort();
  const database = join(mkdtempSync(join(folder, "run-")), "latchkey.db");
  const began = performance.now();
  const child = spawn(binary, ["serve"], {
    cwd: folder,
    env: {
      LATCHKEY_SITE_ADDR: `127.0.0.1:${port}`,
      LATCHKEY_DATABASE_URL: `sqlite:${database}`,
      ...settings,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout.on("data", (chunk) => (printed += chunk));
  const killWithUs = () => child.kill("SIGKILL");
  process.once("exit", killWithUs);
  const ended = new Promise((resolve) => child.once("exit", (code) => resolve(code ?? "a signal")));
  // `/healthz` answers while the database is being opened.
  while ((await status(port, "/readyz")) !== 200) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    if (performance.now() - began > 30_000) {
      child.kill("SIGKILL");
      throw new Error("the server did not answer within 30 s");
    }
    await pause(1);
  }
  const took = performance.now() - began;
  const stop = async () => {
    child.kill("SIGTERM");
    const code = await ended;
    process.off("exit", killWithUs);
    if (code !== 0) throw new Error(`the server ended with ${code} instead of 0`);
  };
  return { port, pid: child.pid, database, took, stop, output: () => printed };
}

/** The status of an answer; 0 without one. */
export function status(port, path) {
  return new Promise((resolve) => {
    const headers = { accept: "text/html" };
    get({ host: "127.0.0.1", port, path, headers, agent: false }, (response) => {
      response.resume().once("end", () => resolve(response.statusCode));
    }).once("error", () => resolve(0));
  });
}

export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Processor time of a process so far. */
export function cpuMillis(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10; // ticks are hundredths of a second on Linux
}

/** Resident memory of a process in bytes. */
export function memory(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1_024;
}

export function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
