// Bytes as broken, careless and hostile clients send them, over real sockets. The answer is a clear 4xx or an ordinary
// page, never a 5xx, and the next client is served as if nothing had happened.
import type { Server } from "../support/server.ts";
import { expect, test } from "../support/test.ts";
import { get, Wire } from "../support/wire.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

async function stillAnswers(server: Server): Promise<void> {
  expect((await get(`${server.url}/healthz`)).status, "the next client").toBe(200);
}

/** The status of the answer to these bytes; 0 if the connection was ended without one. */
async function statusOf(server: Server, bytes: string): Promise<number> {
  const wire = await Wire.open(server.port);
  await wire.send(bytes);
  const status = await wire.status();
  wire.close();
  return status;
}

const request = (server: Server, line: string, ...headers: string[]) =>
  [line, `Host: 127.0.0.1:${server.port}`, ...headers, "", ""].join("\r\n");

/** The beginning of a request whose header is not finished. */
const BEGUN = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Large: ";

for (const size of [33 * KIB, 60 * KIB]) {
  test(`a header of ${size / KIB} KiB is too large`, async ({ server }) => {
    expect(await statusOf(server, `${BEGUN}${"x".repeat(size)}\r\n\r\n`)).toBe(431);
    await stillAnswers(server);
  });
}

test("a header that fills the connection's buffer is refused before it ends", async ({ server }) => {
  expect(await statusOf(server, BEGUN.padEnd(64 * KIB, "x"))).toBe(431);
  await stillAnswers(server);
});

test("a header of 1 MiB is refused without being read", async ({ server }) => {
  const wire = await Wire.open(server.port);
  await wire.send(BEGUN + "x".repeat(MIB));
  // The server hangs up on a client that is still talking, which may overtake the answer.
  expect([431, 0]).toContain(await wire.status());
  await wire.end();
  await stillAnswers(server);
});

test("1,000 small headers are too many", async ({ server }) => {
  const many = Array.from({ length: 1_000 }, (_, number) => `x-${number}: 1`);
  expect([431, 400]).toContain(await statusOf(server, request(server, "GET / HTTP/1.1", ...many)));
  await stillAnswers(server);
});

test("an address of 40 KiB is too long", async ({ server }) => {
  expect([414, 431]).toContain(
    await statusOf(server, request(server, `GET /${"a".repeat(40 * KIB)} HTTP/1.1`)),
  );
  await stillAnswers(server);
});

for (const path of ["/", "/sign-in", "/no-such-page", "/api/v1/no-such-thing", "/oauth/no-such-thing"]) {
  test(`a body over the limit is refused at ${path}`, async ({ server }) => {
    const post = request(
      server,
      `POST ${path} HTTP/1.1`,
      `Origin: ${server.url}`,
      "Content-Type: application/x-www-form-urlencoded",
      `Content-Length: ${MIB + 1}`,
    );
    expect(await statusOf(server, post)).toBe(413);
    await stillAnswers(server);
  });
}

const MALFORMED: [what: string, bytes: (server: Server) => string, expected: number[]][] = [
  ["no HTTP at all", () => "GARBAGE\r\n\r\n", [400]],
  ["a TLS greeting", () => "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\x00".repeat(200), [400]],
  ["a request line without a version", () => "GET /\r\n\r\n", [400]],
  ["an unknown version", () => "GET / HTTP/9.9\r\n\r\n", [400, 505]],
  ["a space in the address", (s) => request(s, "GET /a b HTTP/1.1"), [400]],
  ["a NUL in the address", (s) => request(s, "GET /\0 HTTP/1.1"), [400]],
  ["raw bytes in the address", (s) => request(s, "GET /\xff\xfe HTTP/1.1"), [400, 404]],
  ["a method of its own", (s) => request(s, "FROBNICATE / HTTP/1.1", `Origin: ${s.url}`), [405]],
  ["a broken escape", (s) => request(s, "GET /%zz HTTP/1.1"), [400, 404]],
  ["half an escape", (s) => request(s, "GET /% HTTP/1.1"), [400, 404]],
  ["an escape that is no UTF-8", (s) => request(s, "GET /%ff%fe HTTP/1.1"), [400, 404]],
  ["such an escape in a file's name", (s) => request(s, "GET /assets/now/%ff.css HTTP/1.1"), [400, 404]],
  ["an escaped NUL in a file's name", (s) => request(s, "GET /assets/now/%00.css HTTP/1.1"), [400, 404]],
  ["a very long file's name", (s) => request(s, `GET /assets/now/${"a".repeat(5_000)}.css HTTP/1.1`), [404]],
  ["a query of broken escapes", (s) => request(s, "GET /?%zz=%ff&&&=%00 HTTP/1.1"), [200]],
  ["another server's address", (s) => request(s, "GET http://elsewhere.example/ HTTP/1.1"), [200, 400, 421]],
  [
    "CONNECT",
    () => "CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: elsewhere.example:443\r\n\r\n",
    [400, 403, 404, 405],
  ],
  ["a star for an address", (s) => request(s, "OPTIONS * HTTP/1.1"), [200, 204, 400, 404, 405]],
  ["no Host", () => "GET / HTTP/1.1\r\n\r\n", [400]],
  ["two Hosts", (s) => request(s, "GET / HTTP/1.1", "Host: elsewhere.example"), [400]],
  ["raw bytes for a Host", () => "GET / HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n", [400]],
  ["markup for a Host", () => 'GET / HTTP/1.1\r\nHost: "><script>x</script>\r\n\r\n', [400]],
  ["garbage for a cookie", (s) => request(s, "GET / HTTP/1.1", "Cookie: ;;=;\xff\xfe=\x80; a==b;;"), [200]],
  ["a thousand cookies", (s) => request(s, "GET / HTTP/1.1", `Cookie: ${"a=b; ".repeat(1_000)}`), [200]],
  ["a NUL in a header", (s) => request(s, "GET / HTTP/1.1", "X-Nul: a\0b"), [400]],
  ["a header without a name", (s) => request(s, "GET / HTTP/1.1", ": nameless"), [400]],
  ["a header without a colon", (s) => request(s, "GET / HTTP/1.1", "colonless"), [400]],
  ["a broken Accept", (s) => request(s, "GET / HTTP/1.1", "Accept: ;;q=\xff,,/"), [200]],
  ["a broken Accept-Encoding", (s) => request(s, "GET / HTTP/1.1", "Accept-Encoding: ;;q=x,\xff"), [200]],
  ["a broken X-Forwarded-For", (s) => request(s, "GET / HTTP/1.1", "X-Forwarded-For: \xff,,::::"), [200]],
  [
    "a negative length",
    (s) => request(s, "POST / HTTP/1.1", `Origin: ${s.url}`, "Content-Length: -1"),
    [400],
  ],
  ["two lengths", (s) => request(s, "POST / HTTP/1.1", "Content-Length: 1", "Content-Length: 2"), [400]],
  [
    "an endless length",
    (s) => request(s, "POST / HTTP/1.1", `Content-Length: ${"9".repeat(40)}`),
    [400, 413],
  ],
  [
    "a length and chunks",
    (s) => request(s, "POST / HTTP/1.1", "Content-Length: 4", "Transfer-Encoding: chunked") + "0\r\n\r\n",
    [400, 403],
  ],
  [
    "broken chunks",
    (s) => request(s, "POST / HTTP/1.1", `Origin: ${s.url}`, "Transfer-Encoding: chunked") + "zz\r\n",
    [400, 405],
  ],
];

for (const [what, bytes, expected] of MALFORMED) {
  test(`malformed: ${what}`, async ({ server }) => {
    expect(expected).toContain(await statusOf(server, bytes(server)));
    await stillAnswers(server);
  });
}

test("markup in the Host header stays text", async ({ server }) => {
  const wire = await Wire.open(server.port);
  await wire.send(
    "GET / HTTP/1.1\r\nHost: <script>planted</script>\r\nAccept: text/html\r\nConnection: close\r\n\r\n",
  );
  expect((await wire.end()).toString("latin1")).not.toContain("<script>planted");
});

test("a body that comes in pieces is one body", async ({ server }) => {
  const form =
    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&client_id=latchkey-cli&device_code=x";
  const wire = await Wire.open(server.port);
  await wire.send(
    request(
      server,
      "POST /oauth/token HTTP/1.1",
      "Content-Type: application/x-www-form-urlencoded",
      `Content-Length: ${form.length}`,
      "Connection: close",
    ) + form.slice(0, 20),
  );
  await stillAnswers(server);
  await wire.send(form.slice(20));
  expect((await wire.end()).toString("latin1")).toContain('"invalid_grant"');
});

test.describe("slow clients", () => {
  const IMPATIENT = {
    LATCHKEY_HEADER_TIMEOUT: "300ms",
    LATCHKEY_BODY_TIMEOUT: "300ms",
    LATCHKEY_KEEP_ALIVE_TIMEOUT: "1s",
  };

  for (const [what, bytes] of [
    ["never ends its headers", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "],
    ["never ends its request line", "GET /slow"],
    ["says nothing more after an answer", "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"],
    ["says nothing at all", ""],
    ["says one byte", "P"],
  ] as const) {
    test(`a client that ${what} is cut off`, async ({ serve }) => {
      const server = await serve(IMPATIENT);
      const wire = await Wire.open(server.port);
      await wire.send(bytes);
      await wire.end();
      await stillAnswers(server);
    });
  }

  for (const path of ["/", "/sign-in", "/oauth/token", "/auth/device/token"]) {
    test(`a client that never sends its body to ${path} is answered and cut off`, async ({ serve }) => {
      const server = await serve(IMPATIENT);
      const wire = await Wire.open(server.port);
      await wire.send(
        request(
          server,
          `POST ${path} HTTP/1.1`,
          `Origin: ${server.url}`,
          "Content-Type: application/x-www-form-urlencoded",
          "Content-Length: 10",
        ) + "half;",
      );
      expect(await wire.status()).toBeGreaterThanOrEqual(400);
      expect(await wire.status()).toBeLessThan(500);
      await wire.end();
      await stillAnswers(server);
    });
  }
});
