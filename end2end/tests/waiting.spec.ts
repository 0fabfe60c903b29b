// A start waits for a PostgreSQL that cannot be reached yet. What waiting does not change ends it at once.
import { connect, createServer, type Server as Listener, type Socket } from "node:net";
import { expectRefusal } from "../support/refusal.ts";
import { freePort, runToEnd, runWhile, settings } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

const WAITING = "waiting for the database";

test("a start without its database waits, says so once, and stops when told to", async () => {
  const port = await freePort();
  const given = settings(await freePort(), `postgres://nobody:hunter2@127.0.0.1:${port}/x`);
  const { code, stdout, stderr } = await runWhile(given, async (process) => {
    await process.says(WAITING);
    // It tries again before it is told to stop.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    process.child.kill("SIGTERM");
  });
  expect(code).toBe(0);
  expect(stdout.split(WAITING)).toHaveLength(2);
  expect(stdout).toContain(`postgres://127.0.0.1:${port}/x`);
  expect(stdout + stderr).not.toContain("hunter2");
});

/** Forwards what arrives at a port. */
async function forward(port: number, to: URL): Promise<Listener> {
  const listener = createServer((client: Socket) => {
    const server = connect(Number(to.port), to.hostname);
    for (const end of [client, server]) end.on("error", () => (client.destroy(), server.destroy()));
    client.pipe(server).pipe(client);
  });
  await new Promise<void>((resolve) => listener.listen(port, "127.0.0.1", resolve));
  return listener;
}

test("a start goes on when its database can be reached", async ({ engine, server }) => {
  test.skip(engine !== "postgres", "a file need not be waited for");
  const there = new URL(server.database.url);
  const later = new URL(there);
  later.port = String(await freePort());
  const { code } = await runWhile(settings(await freePort(), later.href), async (process) => {
    await process.says(WAITING);
    const listener = await forward(Number(later.port), there);
    await process.says("is ready on");
    process.child.kill("SIGTERM");
    await process.ended;
    await new Promise((resolve) => listener.close(resolve));
  });
  expect(code).toBe(0);
});

test("a database that does not exist is not waited for", async ({ engine, server }) => {
  test.skip(engine !== "postgres", "a file is made");
  const given = settings(await freePort(), `${server.database.url}_missing`);
  expectRefusal(await runToEnd(given), /database "\w+_missing" does not exist/);
});
