// `npm run bench`: how soon a release server answers after its start, and what it holds in memory when idle. Builds
// nothing: `make bench` does that first. Ends with 1 when a target is missed.
import { readFileSync, rmSync } from "node:fs";
import { folder, pause, report, row, start, status } from "./server.mjs";

const STARTS = 15;
const PAGES = 50;
const START_TARGET_MS = 200;
const MEMORY_TARGET_MIB = 40;

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
  const memory = kib(server.pid, "status", "VmRSS") / 1024;
  row(`memory (RSS) after ${PAGES} pages`, memory, MEMORY_TARGET_MIB, "MiB");
  row("  of which its own share (PSS)", kib(server.pid, "smaps_rollup", "Pss") / 1024, undefined, "MiB");
  await server.stop();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
report();

function kib(pid, file, name) {
  const line = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/${file}`, "utf8"));
  return Number(line[1]);
}
