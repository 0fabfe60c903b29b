// The audit log as a file: what a browser downloads, and what programs get in each encoding, is the same to the byte.
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { gunzipSync } from "node:zlib";
import { expect, test } from "../support/test.ts";

const LOG = "/settings/audit-log";
const COPIES = 2_000;
/** Enough events for several pieces. */
const COPY = `INSERT INTO audit (id, at, org_id, actor_kind, actor_id, actor_name, action, target_kind, target_id,
  target_name, target_key, address, user_agent, request_id, details)
  WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${COPIES})
  SELECT substr(id, 1, 24) || substr('000000000000' || CAST(n AS TEXT), length(CAST(n AS TEXT)) + 1), at, org_id, actor_kind, actor_id, actor_name, action, target_kind, target_id,
  target_name, target_key, address, user_agent, request_id, details FROM audit, numbers`;

interface Got {
  encoding: string;
  body: Buffer;
}

function download(url: string, cookie: string, accepted: string): Promise<Got> {
  return new Promise((resolve, reject) => {
    const headers = { cookie, "accept-encoding": accepted };
    const asked = request(url, { headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      const encoding = response.headers["content-encoding"] ?? "";
      response.on("end", () => resolve({ encoding, body: Buffer.concat(parts) }));
    });
    asked.on("error", reject);
    asked.end();
  });
}

test("a browser downloads the audit log whole", async ({ serve, visit }) => {
  const server = await serve();
  const alice = visit(server);
  const { page } = alice;
  await alice.setUp();
  server.database.run(COPY);
  const cookies = await page.context().cookies();
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const url = `${server.url}${LOG}/export`;
  const plain = await download(url, cookie, "identity");
  expect(plain.encoding).toBe("");
  expect(plain.body.toString("utf8").trimEnd().split("\n")).toHaveLength(COPIES + 1);

  const gzip = await download(url, cookie, "gzip");
  expect(gzip.encoding).toBe("gzip");
  expect(gunzipSync(gzip.body).equals(plain.body)).toBe(true);
  const brotli = await download(url, cookie, "br");
  expect(brotli.encoding, "gzip is the only encoding").toBe("");
  expect(brotli.body.equals(plain.body)).toBe(true);

  await alice.open(LOG);
  const [file, response] = await Promise.all([
    page.waitForEvent("download"),
    page.waitForResponse((response) => response.url() === url),
    page.getByRole("link", { name: "Export JSONL" }).click(),
  ]);
  expect(response.headers()["content-encoding"], "it was compressed on the way").toBe("gzip");
  expect(await file.failure()).toBeNull();
  expect(readFileSync(await file.path()).equals(plain.body)).toBe(true);
});
