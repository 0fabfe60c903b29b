// Told to stop, the server takes nothing new, lets what is running finish within the grace, and ends with 0.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newFolder, type Server } from "../support/server.ts";
import { expect, test } from "../support/test.ts";
import { Wire } from "../support/wire.ts";

const STOPPING = "stopping: running requests may finish";
/** More than the buffers between the two ends of a connection can hold. */
const LARGE = 64 * 1024 * 1024;

let site = "";
test.beforeEach(() => {
  site = newFolder();
  mkdirSync(join(site, "pkg"));
  writeFileSync(join(site, "pkg/large.txt"), Buffer.alloc(LARGE, "x"));
});
test.afterEach(() => rmSync(site, { recursive: true, force: true }));

/** A connection that has begun to take a large answer and now takes no more. */
async function busy(server: Server): Promise<Wire> {
  const wire = await Wire.open(server.port);
  await wire.send(`GET /assets/now/pkg/large.txt HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`);
  await wire.until(() => wire.isAnswered);
  wire.pause();
  return wire;
}

test("SIGTERM lets a running answer finish and ends everything else", async ({ serve }) => {
  const server = await serve({ LATCHKEY_SITE_ROOT: site });
  const idle = await Wire.open(server.port);
  await idle.send(`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`);
  expect(await idle.status()).toBe(200);
  const running = await busy(server);

  server.signal("SIGTERM");
  await server.says(STOPPING);
  await idle.end();
  await expect(Wire.open(server.port)).rejects.toThrow("ECONNREFUSED");

  running.resume();
  const answer = await running.end();
  expect(await running.status()).toBe(200);
  expect(answer.length - answer.indexOf("\r\n\r\n") - 4).toBe(LARGE);
  expect((await server.ended()).code).toBe(0);
  expect(server.log).not.toContain("cut off");
});

/** A sign-in of which the server has the head and half of the body. */
async function halfSent(server: Server): Promise<{ wire: Wire; rest: string }> {
  const body = "email=nobody%40tidewater.example&password=tide+water+marsh+lantern";
  const wire = await Wire.open(server.port);
  const head = [
    "POST /sign-in HTTP/1.1",
    `Host: 127.0.0.1:${server.port}`,
    `Origin: ${server.url}`,
    "Accept: text/html",
    "Content-Type: application/x-www-form-urlencoded",
    `Content-Length: ${body.length}`,
    "Expect: 100-continue",
  ];
  await wire.send([...head, "", ""].join("\r\n"));
  // Whoever asks to be told gets this word when the server begins to read the body.
  await wire.until(() => wire.closed || wire.isAnswered);
  expect(wire.received.toString("latin1")).toMatch(/^HTTP\/1\.1 100 /);
  await wire.send(body.slice(0, 20));
  return { wire, rest: body.slice(20) };
}

test("SIGTERM lets a half-sent form arrive and answers it", async ({ serve }) => {
  const server = await serve();
  const { wire, rest } = await halfSent(server);
  server.signal("SIGTERM");
  await server.says(STOPPING);
  await wire.send(rest);
  const answer = (await wire.end()).toString("utf8");
  expect(answer).toContain("HTTP/1.1 422 ");
  expect(answer).toContain("That email and password don't match");
  expect((await server.ended()).code).toBe(0);
  expect(server.log).not.toContain("cut off");
});

test("whoever never sends the rest of a form is cut off after the grace", async ({ serve }) => {
  const server = await serve({ LATCHKEY_SHUTDOWN_GRACE: "300ms" });
  const { wire } = await halfSent(server);
  server.signal("SIGTERM");
  expect((await server.ended()).code).toBe(0);
  expect(server.log).toContain("did not finish within shutdown_grace and were aborted");
  await wire.end();
});

test("whoever does not take the answer is cut off after the grace", async ({ serve }) => {
  const server = await serve({ LATCHKEY_SITE_ROOT: site, LATCHKEY_SHUTDOWN_GRACE: "300ms" });
  const stuck = await busy(server);
  server.signal("SIGTERM");
  expect((await server.ended()).code).toBe(0);
  expect(server.log).toContain("did not finish within shutdown_grace and were aborted");
  stuck.close();
});

test("a second signal ends it at once", async ({ serve }) => {
  const server = await serve({ LATCHKEY_SITE_ROOT: site });
  const stuck = await busy(server);
  server.signal("SIGTERM");
  await server.says(STOPPING);
  server.signal("SIGTERM");
  expect((await server.ended()).code).toBe(130);
  stuck.close();
});

test("SIGINT stops it like SIGTERM", async ({ serve }) => {
  const server = await serve({ LATCHKEY_SITE_ROOT: site });
  server.signal("SIGINT");
  expect((await server.ended()).code).toBe(0);
  expect(server.log).toContain("stopped");
});
