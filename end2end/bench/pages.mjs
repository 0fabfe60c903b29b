// `npm run bench:pages`: what a first visit weighs, what a page of 50 rows costs, what a sign-in costs beside its hash.
// Ends with 1 when a target is missed.
import { readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { folder, report, row, start } from "./server.mjs";

const PASSWORD = "tide water marsh lantern";
const SESSIONS = 50;
const PAGES = 300;
const SIGN_INS = 20;

const server = await start();
const origin = `http://127.0.0.1:${server.port}`;
try {
  await weigh();
  const session = await setUp();
  await signIns();
  await rows50(session);
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
report();

/** All that a browser loads for the sign-in page, as compressed on the wire, headers not counted. */
async function weigh() {
  const page = await ask("GET", "/sign-in");
  const html = page.text;
  const named = [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
  let total = page.bytes;
  let wasm = 0;
  for (const path of new Set(named)) {
    const { bytes } = await ask("GET", path);
    total += bytes;
    if (path.endsWith(".wasm")) wasm = bytes;
  }
  row("first visit: all bytes", total / 1024, 220, "KiB");
  row("  of which WASM", wasm / 1024, 127, "KiB");
}

async function setUp() {
  const link = /setup\?link=(\w+)/.exec(server.output())[1];
  const fields = { link, name: "Alice", email: "alice@x.example", password: PASSWORD, organization: "Bench" };
  return cookies(await ask("POST", "/setup", { fields }));
}

/** Each over a connection of its own, as a person's would be. */
async function signIns() {
  const hashing = async () =>
    /^latchkey_password_seconds_sum (\S+)/m.exec((await ask("GET", "/metrics")).text)[1];
  const times = [];
  for (let n = 0; n < SIGN_INS; n += 1) {
    const before = Number(await hashing());
    const began = performance.now();
    await ask("POST", "/sign-in", { fields: { email: "alice@x.example", password: PASSWORD } });
    const took = performance.now() - began;
    times.push(took - (Number(await hashing()) - before) * 1_000);
  }
  times.sort((a, b) => a - b);
  row(`sign-in beside its one hash, median of ${SIGN_INS}`, times[SIGN_INS >> 1], 10, "ms");
}

/** The profile with 50 sessions. */
async function rows50(cookie) {
  for (let n = SIGN_INS + 1; n < SESSIONS; n += 1) {
    await ask("POST", "/sign-in", { fields: { email: "alice@x.example", password: PASSWORD } });
  }
  const get = () => ask("GET", "/settings/profile", { cookie });
  const { text } = await get();
  const shown = text.match(/name="session"/g).length;
  if (shown !== SESSIONS) throw new Error(`${shown} rows instead of ${SESSIONS}`);
  const before = cpu();
  for (let n = 0; n < PAGES; n += 1) await get();
  row(`a page of ${SESSIONS} rows, CPU`, (cpu() - before) / PAGES, 3, "ms");
}

/** User and system time of the server so far, in milliseconds. */
function cpu() {
  const fields = readFileSync(`/proc/${server.pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function cookies(answer) {
  return (answer.headers["set-cookie"] ?? []).map((line) => line.split(";")[0]).join("; ");
}

function ask(method, path, { fields, cookie } = {}) {
  const body = fields ? new URLSearchParams(fields).toString() : "";
  const headers = {
    accept: "text/html",
    origin,
    "accept-encoding": path.startsWith("/assets") ? "br" : "identity",
  };
  if (fields) headers["content-type"] = "application/x-www-form-urlencoded";
  if (cookie) headers.cookie = cookie;
  return new Promise((resolve, reject) => {
    const sent = request(origin + path, { method, headers }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.once("end", () => {
        const whole = Buffer.concat(chunks);
        if (response.statusCode >= 400) reject(new Error(`${method} ${path}: ${response.statusCode}`));
        else resolve({ headers: response.headers, bytes: whole.length, text: whole.toString() });
      });
    });
    sent.once("error", reject);
    sent.end(body);
  });
}
