// A server that cannot start says why in one line and ends with 1.
import { createServer } from "node:net";
import { expectRefusal } from "../support/refusal.ts";
import { freePort, runToEnd, settings } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

test("the port is taken", async ({ server }) => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const address = taken.address();
  const port = typeof address === "object" && address ? address.port : 0;
  expectRefusal(await runToEnd(settings(port, server.database.url)), `127.0.0.1:${port} is in use`);
  await new Promise((resolve) => taken.close(resolve));
});

for (const [variable, value, why] of [
  ["LATCHKEY_NO_SUCH_SETTING", "1", /there is no setting LATCHKEY_NO_SUCH_SETTING/],
  ["LATCHKEY_MAX_BODY", "a lot", /LATCHKEY_MAX_BODY: "a lot" is not a size/],
  ["LATCHKEY_HEADER_TIMEOUT", "0s", /LATCHKEY_HEADER_TIMEOUT must be between 100ms and 10m, not "0s"/],
  ["LATCHKEY_PUBLIC_URL", "keys.example.com", /LATCHKEY_PUBLIC_URL: .* looks like https:/],
  ["LATCHKEY_SITE_ADDR", "3000", /LATCHKEY_SITE_ADDR: "3000" is not an address with a port/],
  ["LATCHKEY_LOG", "latchkey=loud", /log: "latchkey=loud" is neither a level/],
  ["LATCHKEY_DATABASE_URL", "mysql://127.0.0.1/x", /LATCHKEY_DATABASE_URL: the address is neither/],
  ["LATCHKEY_CONFIG", "/no/such/file.toml", /\/no\/such\/file\.toml/],
] as const) {
  test(`${variable}=${value}`, async ({ server }) => {
    const given = { ...settings(await freePort(), server.database.url), [variable]: value };
    expectRefusal(await runToEnd(given), why);
  });
}

test("the database is a newer server's", async ({ engine, serve }) => {
  const server = await serve();
  server.signal("SIGTERM");
  expect((await server.ended("kept")).code).toBe(0);
  const [yes, bytes] = engine === "sqlite" ? ["1", "x'00'"] : ["true", "'\\x00'"];
  server.database.run(
    `INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
     VALUES (999999, 'from the future', ${yes}, ${bytes}, 0)`,
  );
  const given = settings(await freePort(), server.database.url);
  expectRefusal(await runToEnd(given), /newer Latchkey .*migration 999999/);
  server.remove();
});
