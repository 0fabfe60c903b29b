// `npm run bench:reload`: how long after a change to a page's text does `make dev` serve the new text? Works on a
// throwaway copy of the last commit that shares the build folder, so nothing of yours is touched. Wants an idle machine.
import { execFileSync, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const TARGET_S = 20;
const FIRST_BUILD_MS = 20 * 60_000;
const RELOAD_MS = 5 * 60_000;
const PAGE = "src/ui/server/start.rs";
const OLD = "Latchkey is running";
const NEW = "Latchkey is up and running";

const root = resolve(import.meta.dirname, "../..");
const home = mkdtempSync(join(tmpdir(), "latchkey-reload-"));
const copy = join(home, "copy");
const logFile = join(home, "log");
const git = (...words) => execFileSync("git", ["-C", root, ...words], { stdio: "pipe" });
let watch;

process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
process.once("exit", cleanUp);

git("worktree", "add", "--detach", copy, "HEAD");
symlinkSync(join(root, ".tools/node_modules"), join(copy, ".tools/node_modules"));
const file = join(copy, PAGE);
const text = readFileSync(file, "utf8");
if (!text.includes(OLD)) fail(`${PAGE} does not say "${OLD}" any more: change OLD and NEW in this script`);
const [port, reload] = [await freePort(), await freePort()];
const log = openSync(logFile, "w");
watch = spawn("bash", ["-c", ". .tools/env && exec cargo leptos watch"], {
  cwd: copy,
  detached: true, // a process group of its own, to be ended whole
  stdio: ["ignore", log, log],
  env: {
    ...process.env,
    CARGO_TARGET_DIR: process.env.CARGO_TARGET_DIR || join(root, "target"),
    LEPTOS_SITE_ADDR: `127.0.0.1:${port}`,
    LEPTOS_RELOAD_PORT: String(reload),
    LATCHKEY_DATABASE_URL: `sqlite:${join(home, "latchkey.db")}`,
  },
});
closeSync(log);

await shows(OLD, FIRST_BUILD_MS);
const began = performance.now();
writeFileSync(file, text.replace(OLD, NEW));
await shows(NEW, RELOAD_MS);
const took = (performance.now() - began) / 1000;
const missed = took > TARGET_S;
console.log(
  `change of a text to the new page under make dev: ${took.toFixed(1)} s, target ${TARGET_S} s${missed ? "  MISSED" : ""}`,
);
process.exit(missed ? 1 : 0);

async function shows(wanted, patience) {
  const deadline = performance.now() + patience;
  while (!(await page()).includes(wanted)) {
    if (watch.exitCode !== null) fail("cargo leptos watch ended");
    if (performance.now() > deadline) fail(`the page did not show "${wanted}" within ${patience / 1000} s`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** The start page; nothing when there is no answer. */
function page() {
  return new Promise((done) => {
    const options = { host: "127.0.0.1", port, path: "/", headers: { accept: "text/html" }, agent: false };
    get(options, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (part) => (body += part));
      response.once("end", () => done(body)).once("error", () => done(""));
    }).once("error", () => done(""));
  });
}

function fail(why) {
  if (watch) console.error(readFileSync(logFile, "utf8").split("\n").slice(-20).join("\n"));
  console.error(why);
  process.exit(1);
}

function cleanUp() {
  try {
    if (watch?.pid) process.kill(-watch.pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  git("worktree", "prune");
}

function freePort() {
  return new Promise((done) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });
}
