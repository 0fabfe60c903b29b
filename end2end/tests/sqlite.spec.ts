// What can go wrong with a database that is a file.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expectRefusal } from "../support/refusal.ts";
import { freePort, newFolder, runToEnd, settings } from "../support/server.ts";
import { expect, test } from "../support/test.ts";
import { get } from "../support/wire.ts";

let folder = "";
test.beforeEach(() => (folder = newFolder()));
test.afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a second server on the same file is refused, and the first goes on", async ({ server }) => {
  const given = settings(await freePort(), server.database.url);
  expectRefusal(await runToEnd(given), /another server works on this file; .*PostgreSQL/);
  expect((await get(`${server.url}/readyz`)).status).toBe(200);
});

test("a folder that cannot be created", async () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  const given = settings(await freePort(), `sqlite:${file}/below/latchkey.db`);
  expectRefusal(await runToEnd(given), `the folder ${file}/below cannot be created`);
});

test("a folder that cannot be written", async () => {
  // Root may write everywhere but into the kernel's own folders.
  const readOnly = process.getuid?.() === 0 ? "/proc/self" : join(folder, "read-only");
  if (readOnly !== "/proc/self") {
    mkdirSync(readOnly);
    chmodSync(readOnly, 0o500);
  }
  const given = settings(await freePort(), `sqlite:${readOnly}/latchkey.db`);
  expectRefusal(await runToEnd(given), `the folder ${readOnly} cannot be written`);
});

test("a database that is a folder", async () => {
  const file = join(folder, "latchkey.db");
  mkdirSync(file);
  const given = settings(await freePort(), `sqlite:${file}`);
  expectRefusal(await runToEnd(given), /cannot open the database/);
});

test("a file that is no database", async () => {
  const file = join(folder, "latchkey.db");
  writeFileSync(file, "This is a letter, not a database. ".repeat(500));
  expectRefusal(
    await runToEnd(settings(await freePort(), `sqlite:${file}`)),
    /cannot open the database|not a database/,
  );
});
