// The page "Protect your API": keys are tried, and the examples of the page run as they are. Exports as CSV, as a browser downloads
// them.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import {
  createServer,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Page } from "@playwright/test";
import { Client, send } from "../support/api.ts";
import type { Visitor } from "../support/people.ts";
import { PROXIES, ReverseProxy, Service } from "../support/proxy.ts";
import { expect, test } from "../support/test.ts";

const PROTECT = "/settings/protect";
const BEHIND_A_PROXY = { LATCHKEY_TRUSTED_PROXIES: "127.0.0.1" };

/** Makes a key by the form and gives its secret. */
async function make(visitor: Visitor, name: string): Promise<string> {
  const { page } = visitor;
  await visitor.open("/settings/api-keys/new");
  await visitor.fill({ Name: name });
  await visitor.page.getByRole("radio", { name: "Owner" }).check({ force: true });
  await visitor.press("Create key");
  const secret = (await page.locator("#plaintext").textContent()) ?? "";
  await visitor.follow(() => page.getByRole("link", { name: "I've saved it" }).click());
  return secret;
}

const example = async (page: Page): Promise<string> =>
  (await page.locator("#protect-example").textContent()) ?? "";

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with scripts" : "without scripts", () => {
    test.use({ javaScriptEnabled });

    test("a key is tried, and the try is not counted", async ({ serve, visit, watch }) => {
      const server = await serve();
      const alice = visit(server);
      const { page } = alice;
      await alice.setUp();
      const key = await make(alice, "depot");
      await alice.follow(() => page.getByRole("link", { name: "Protect your API" }).first().click());
      await alice.isAt(PROTECT);
      const field = page.locator("#t-key");
      await expect(field).toHaveAttribute("type", "password");
      await field.fill(key);
      expect(await alice.press("Check key")).toBe(200);
      const result = page.getByRole("heading", { name: "Accepted" });
      await expect(result).toBeVisible();
      await expect(page.locator(".trail")).toContainText("The secret is right.");
      await expect(page.locator(".trail").getByRole("link", { name: "depot" })).toBeVisible();
      await expect(field).toHaveValue("");
      expect(await page.content()).not.toContain(key.slice(-20));
      expect(page.url()).not.toContain(key.slice(-20));

      // A wrong one, and one that is disabled.
      await field.fill(`${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`);
      await alice.press("Check key");
      await expect(page.getByRole("heading", { name: "Refused" })).toBeVisible();
      await expect(page.locator(".trail")).toContainText("The checksum at its end is wrong");
      await alice.open("/settings/api-keys");
      await alice.follow(() => page.locator("a.row-link", { hasText: "depot" }).click());
      await expect(page.getByText("Nobody has used this key yet.")).toBeVisible();
      await alice.press("Disable");
      await alice.open(`${PROTECT}?for=nginx`);
      await field.fill(key);
      await alice.press("Check key");
      await expect(page.locator(".trail .dot-no")).toHaveCount(1);
      await expect(page.locator(".trail")).toContainText("It is disabled.");
      await expect(page.locator(".tabs [aria-current]")).toHaveText("nginx");

      // Errors stand beside their fields.
      await field.fill(key);
      await page.locator("#t-permissions").fill("depot.read and");
      await page.locator("#t-ip").fill("10.0.0");
      watch.expect(422);
      expect(await alice.press("Check key")).toBe(422);
      await expect(page.locator("#t-ip-error")).toContainText("This is not an address.");
      await expect(page.locator("#t-ip")).toHaveValue("10.0.0");
      await expect(field).toHaveValue("");
    });

    test("the examples follow the permissions", async ({ serve, visit }) => {
      const server = await serve();
      const alice = visit(server);
      const { page } = alice;
      await alice.setUp();
      await alice.open("/settings/permissions");
      await alice.fill({ Name: "depot.read" });
      await alice.press("Add");
      await alice.open(PROTECT);
      const org = (await page.locator("#protect-org").textContent()) ?? "";
      expect(await example(page)).toContain(`${server.url}/api/v1/keys/verify`);
      await page.locator("#ask").fill("depot.read or depot.read");
      await alice.press("Apply");
      expect(await example(page)).toContain('"permissions": "depot.read or depot.read"');
      await alice.follow(() => page.getByRole("link", { name: "Caddy", exact: true }).click());
      const asked = `uri /api/v1/authorize?org=${org}&permissions=depot.read%20or%20depot.read`;
      expect(await example(page)).toContain(asked);
    });
  });
}

test("ids and examples are copied", async ({ serve, visit, context }) => {
  const server = await serve();
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: server.url });
  const alice = visit(server);
  const { page } = alice;
  await alice.setUp();
  await make(alice, "depot");
  const copies = async (button: string, id: string) => {
    await page.getByRole("button", { name: button, exact: true }).click();
    await expect(page.getByText("Copied", { exact: true })).toBeVisible();
    const text = await page.evaluate(() => navigator.clipboard.readText());
    expect(text).toBe(await page.locator(id).textContent());
    return text;
  };
  await alice.open(`${PROTECT}?for=express`);
  const org = await copies("Copy the organization id", "#protect-org");
  await alice.open("/settings/organization");
  expect(await copies("Copy the organization id", "#org-id")).toBe(org);
  await alice.open(`${PROTECT}?for=express`);
  expect(await copies("Copy", "#protect-example")).toContain("export async function requireKey");
  await alice.open("/settings/api-keys");
  await alice.follow(() => page.locator("a.row-link", { hasText: "depot" }).click());
  const id = await copies("Copy the key id", "#key-id");
  expect(page.url()).toContain(id);
});

for (const kind of PROXIES) {
  test(`${kind} runs the lines of the page`, async ({ serve, visit }) => {
    const server = await serve(BEHIND_A_PROXY);
    const alice = visit(server);
    await alice.setUp();
    const key = await make(alice, "depot");
    const service = await Service.start();
    const admin = new Client(server, key);
    await admin.call("POST", "/api/v1/permissions", { name: "depot.read" });
    await admin.call("POST", "/api/v1/permissions", { name: "depot.*" });
    const customer = await admin.call("POST", "/api/v1/keys", {
      name: "customer",
      role: "none",
      permissions: ["depot.*"],
    });
    const sold = (JSON.parse(customer.body) as { key: string }).key;
    for (const [permissions, statusOfOwner, statusOfCustomer] of [
      ["", 200, 403],
      ["depot.read and (depot.read or depot.*)", 403, 200],
    ] as const) {
      await alice.open(`${PROTECT}?for=${kind}&permissions=${encodeURIComponent(permissions)}`);
      const lines = await example(alice.page);
      const proxy = await ReverseProxy.start(kind, { latchkey: server, service, org: "", lines });
      const ask = (headers: Record<string, string>) => send(`${proxy.url}/x`, { headers });
      expect((await ask({})).status, proxy.log).toBe(401);
      expect((await ask({ authorization: `Bearer ${key}` })).status, proxy.log).toBe(statusOfOwner);
      expect((await ask({ authorization: `Bearer ${sold}` })).status, proxy.log).toBe(statusOfCustomer);
      await proxy.stop();
    }
    admin.close();
    await service.stop();
  });
}

/** What the example for Express uses of a request and its response. */
type Handler = (
  req: { get(name: string): string | undefined; ip: string },
  res: object,
  next: () => void,
) => Promise<unknown>;

/** A server that answers 200 to those whom the middleware lets through. */
async function guarded(handler: Handler): Promise<{ url: string; http: HttpServer }> {
  const http = createServer((request: IncomingMessage, response: ServerResponse) => {
    const header = (name: string) => request.headers[name.toLowerCase()];
    const req = { get: (name: string) => header(name) as string | undefined, ip: "203.0.113.9" };
    const res = {
      set: (name: string, value: string) => response.setHeader(name, value),
      status(code: number) {
        response.statusCode = code;
        return res;
      },
      json: (body: object) => response.end(JSON.stringify(body)),
    };
    void handler(req, res, () => response.end("through"));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const address = http.address();
  return { url: `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`, http };
}

test("the example for Express lets only valid keys through", async ({ serve, visit }) => {
  const server = await serve();
  const alice = visit(server);
  await alice.setUp();
  const key = await make(alice, "service");
  const client = new Client(server, key);
  const made = async (body: object): Promise<{ id: string; key: string }> =>
    JSON.parse((await client.call("POST", "/api/v1/keys", body)).body) as { id: string; key: string };
  const fine = await made({ name: "fine" });
  const limited = await made({ name: "limited", rate_limit_per_minute: 1 });
  const quota = await made({ name: "quota", quota: { limit: 1, period: "day" } });
  const bound = await made({ name: "bound", allowed_ranges: ["198.51.100.0/24"] });
  const none = await made({ name: "none", role: "none" });
  await alice.open(`${PROTECT}?for=express`);
  const folder = mkdtempSync(join(tmpdir(), "latchkey-example-"));
  const file = join(folder, "require_key.mjs");
  writeFileSync(file, await example(alice.page));
  process.env["LATCHKEY_API_KEY"] = key;
  const { requireKey } = (await import(pathToFileURL(file).href)) as { requireKey: Handler };
  const { url, http } = await guarded(requireKey);
  const ask = (presented?: string) =>
    send(url, { headers: presented === undefined ? {} : { authorization: `Bearer ${presented}` } });
  expect(await ask(fine.key)).toMatchObject({ status: 200, body: "through" });
  const missing = await ask();
  expect([missing.status, missing.headers["www-authenticate"]]).toEqual([401, "Bearer"]);
  expect((await ask("ak_live_x")).status).toBe(401);
  expect((await ask(bound.key)).status).toBe(403);
  expect((await ask(none.key)).status).toBe(403);
  for (const { key: once } of [limited, quota]) {
    expect((await ask(once)).status).toBe(200);
    const refused = await ask(once);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  }
  await client.call("POST", `/api/v1/keys/${fine.id}/revoke`, {});
  expect((await ask(fine.key)).status).toBe(401);
  // A wrong key of the service, or no server: nobody gets through.
  process.env["LATCHKEY_API_KEY"] = "ak_live_x";
  const outage = async () => {
    const answer = await ask(fine.key);
    expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "5"]);
  };
  await outage();
  process.env["LATCHKEY_API_KEY"] = key;
  client.close();
  await server.stop();
  await outage();
  await new Promise((resolve) => http.close(resolve));
  delete process.env["LATCHKEY_API_KEY"];
  rmSync(folder, { recursive: true });
});

test("the examples for FastAPI and Go can be read", async ({ serve, visit }) => {
  const server = await serve();
  const alice = visit(server);
  await alice.setUp();
  const folder = mkdtempSync(join(tmpdir(), "latchkey-example-"));
  await alice.open(`${PROTECT}?for=fastapi`);
  const file = join(folder, "require_key.py");
  writeFileSync(file, await example(alice.page));
  execFileSync("python3", ["-m", "py_compile", file]);
  await alice.open(`${PROTECT}?for=go`);
  const code = await example(alice.page);
  expect(code).toMatch(/^package main$/m);
  expect(code.split("{")).toHaveLength(code.split("}").length);
  rmSync(folder, { recursive: true });
});

test("a browser downloads keys and events as CSV", async ({ serve, visit }) => {
  const server = await serve();
  const alice = visit(server);
  const { page } = alice;
  await alice.setUp();
  for (const name of ["=1+1", 'say "no", twice', "مفتاح الإنتاج"]) await make(alice, name);
  const cookies = await page.context().cookies();
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  for (const [path, file, query, first] of [
    ["/settings/api-keys", "api-keys.csv", "/settings/api-keys/export", "id,name,kind,"],
    ["/settings/audit-log", "audit-log.csv", "/settings/audit-log/export?format=csv", "id,at,actor_kind,"],
  ] as const) {
    await alice.open(path);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Export CSV" }).click(),
    ]);
    expect(await download.failure()).toBeNull();
    expect(download.suggestedFilename()).toBe(file);
    const body = readFileSync(await download.path());
    const plain = await send(server.url + query, { headers: { cookie, "accept-encoding": "identity" } });
    expect(body.equals(Buffer.from(plain.body, "utf8"))).toBe(true);
    const text = body.toString("utf8");
    expect(text.startsWith(first)).toBe(true);
    for (const cell of ["'=1+1", '"say ""no"", twice"', "مفتاح الإنتاج"]) expect(text).toContain(`,${cell},`);
  }
});
