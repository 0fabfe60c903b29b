// Runs the tests in Chromium against the built server, on SQLite and on PostgreSQL. Failed tests are not retried, and no request
// leaves this machine. `make test` builds the server and starts PostgreSQL first.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { defineConfig } from "@playwright/test";
import type { Options } from "./support/test.ts";

const browser =
  process.env["LATCHKEY_TEST_BROWSER"] ||
  execFileSync(join(import.meta.dirname, "../.tools/browser"), { encoding: "utf8" }).trim();
if (!browser) throw new Error("no Chromium found: run 'make setup-test', or set LATCHKEY_TEST_BROWSER");

// What these specs check is in the browser, the protocol or the process, and no database changes it. The Rust tests call every
// route on both engines.
const ON_SQLITE_ONLY = [
  "back",
  "bad-input",
  "charts",
  "guards",
  "keyboard",
  "openapi",
  "pages",
  "protect",
  "providers",
  "proxies",
  "refusal",
  "sqlite",
  "start",
].map((name) => `${name}.spec.ts`);

export default defineConfig<object, Options>({
  testDir: "tests",
  outputDir: "test-results",
  fullyParallel: true,
  workers: 2,
  retries: 0,
  forbidOnly: true,
  timeout: 60_000,
  reporter: [[process.stdout.isTTY ? "line" : "list"], ["./support/summary.ts"]],
  use: {
    launchOptions: {
      executablePath: browser,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // Requests to other machines fail at once.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
      ],
    },
    contextOptions: { reducedMotion: "reduce" },
    serviceWorkers: "block",
  },
  projects: [
    { name: "sqlite", use: { engine: "sqlite" } },
    { name: "postgres", use: { engine: "postgres" }, testIgnore: ON_SQLITE_ONLY },
  ],
});
