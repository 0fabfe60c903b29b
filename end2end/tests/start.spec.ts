// The start page and what every answer carries: strict headers, fresh nonces, the right types of files, and a plain
// word to whoever opens the server under another address than its own.
import { hydrated } from "../support/hydration.ts";
import { expect, test } from "../support/test.ts";
import { Watch } from "../support/watch.ts";
import { get } from "../support/wire.ts";

const AS_BROWSER = { accept: "text/html" };

test("before the first account the server says where its link is", async ({ page, server }) => {
  await page.goto("/");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Latchkey is running");
  await expect(page.getByRole("main")).toContainText("latchkey admin setup-link");
  await expect(page.getByRole("contentinfo")).toHaveText(new URL(server.url).host);
});

for (const path of ["/", "/no-such-page"]) {
  test(`${path} carries strict headers`, async ({ server }) => {
    const { headers } = await get(server.url + path, AS_BROWSER);
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["cache-control"]).toBe("no-store");
    expect(headers["referrer-policy"]).toBe("same-origin");
    expect(headers["cross-origin-opener-policy"]).toBe("same-origin");
    expect(headers["cross-origin-resource-policy"]).toBe("same-origin");
    expect(headers["permissions-policy"]).toContain("camera=()");
    expect(headers["x-request-id"]).toMatch(/^req_[0-9A-Za-z]{11}$/);
    expect(headers["server"]).toBeUndefined();
    expect(headers["set-cookie"]).toBeUndefined();

    const policy = directives(headers["content-security-policy"]);
    expect(policy.get("default-src")).toEqual(["'none'"]);
    expect(policy.get("script-src")).toEqual([
      expect.stringMatching(/^'nonce-[\w-]{16,}={0,2}'$/),
      "'strict-dynamic'",
      "'wasm-unsafe-eval'",
    ]);
    expect(policy.get("style-src")).toEqual(["'self'"]);
    expect(policy.get("frame-ancestors")).toEqual(["'none'"]);
    expect(policy.get("base-uri")).toEqual(["'none'"]);
    expect(policy.get("form-action")).toEqual(["'self'"]);
    expect([...policy.values()].flat()).not.toContain("'unsafe-inline'");
    expect([...policy.values()].flat()).not.toContain("'unsafe-eval'");
  });
}

test("every answer has a nonce and an id of its own, and its scripts carry that nonce", async ({
  server,
}) => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => get(server.url, AS_BROWSER)));
  const nonces = answers.map(({ headers, body }) => {
    const nonce = /'nonce-([^']+)'/.exec(String(headers["content-security-policy"]))?.[1];
    const scripts = [...body.matchAll(/<script\b[^>]*>/g)].map(([tag]) => tag);
    expect(scripts.length).toBeGreaterThan(0);
    for (const script of scripts) expect(script).toContain(`nonce="${nonce}"`);
    return nonce;
  });
  expect(new Set(nonces).size).toBe(answers.length);
  expect(new Set(answers.map(({ headers }) => headers["x-request-id"])).size).toBe(answers.length);
});

test("what is no page loads nothing and is framed nowhere", async ({ server }) => {
  for (const path of ["/healthz", "/readyz", "/metrics", "/assets/now/pkg/latchkey.css"]) {
    const { status, headers } = await get(server.url + path);
    expect(status, path).toBe(200);
    expect(headers["content-security-policy"], path).toBe(
      "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    );
    expect(headers["x-content-type-options"], path).toBe("nosniff");
    expect(headers["x-request-id"], path).toMatch(/^req_/);
  }
});

test("programs are told of a problem in JSON, people on a page", async ({ server }) => {
  const program = await get(`${server.url}/no-such-page`, { accept: "*/*" });
  expect(program.status).toBe(404);
  expect(program.headers["content-type"]).toBe("application/problem+json");
  expect(JSON.parse(program.body)).toMatchObject({
    status: 404,
    request_id: program.headers["x-request-id"] as string,
  });
  const person = await get(`${server.url}/no-such-page`, AS_BROWSER);
  expect(person.body).toContain(person.headers["x-request-id"] as string);
});

test("under another address the page names both", async ({ page, server, watch }) => {
  const other = `localhost:${server.port}`;
  await page.goto(`http://${other}/`);
  await hydrated(page);
  const notice = page.getByRole("status");
  await expect(notice).toContainText(other);
  await expect(notice.getByRole("link", { name: server.url })).toHaveAttribute("href", server.url);
  await notice.getByRole("link").click();
  await hydrated(page);
  await expect(page).toHaveURL(`${server.url}/`);
  await expect(page.getByRole("status")).toHaveCount(0);
  expect(await watch.take()).toEqual([]);
});

test("without scripts the page says the same", async ({ page, browser, server }) => {
  await page.goto("/");
  await hydrated(page);
  const withScripts = await page.locator("body").innerText();

  const plain = await browser.newContext({ javaScriptEnabled: false });
  const watch = new Watch();
  await watch.over(plain, false);
  const other = await plain.newPage();
  await other.goto(server.url);
  expect(await other.locator("body").innerText()).toBe(withScripts);
  expect(await watch.take()).toEqual([]);
  await plain.close();
});

test("files of the front end have the right type", async ({ server }) => {
  const page = await get(server.url, AS_BROWSER);
  const base = /href="(\/assets\/[^/"]+)\/pkg\//.exec(page.body)?.[1];
  for (const [path, type] of [
    [`${base}/pkg/latchkey.css`, "text/css; charset=utf-8"],
    [`${base}/pkg/latchkey.js`, "text/javascript; charset=utf-8"],
    [`${base}/pkg/latchkey.wasm`, "application/wasm"],
    [`${base}/fonts/instrument-sans-latin-wght-normal.woff2`, "font/woff2"],
    ["/favicon.svg", "image/svg+xml"],
    ["/robots.txt", "text/plain; charset=utf-8"],
  ] as const) {
    const { status, headers } = await get(server.url + path);
    expect.soft([status, headers["content-type"]], path).toEqual([200, type]);
  }
});

test("every file that the page names is there", async ({ server }) => {
  const { body } = await get(server.url, AS_BROWSER);
  const named = [...body.matchAll(/<link\b[^>]*\bhref="([^"]+)"/g)].map(([, path = ""]) => path);
  expect(named.length).toBeGreaterThanOrEqual(4);
  for (const path of named) expect.soft((await get(server.url + path)).status, path).toBe(200);
});

test("nothing but the front end is served as a file", async ({ server }) => {
  for (const path of [
    "/assets/now/pkg/latchkey.d.ts",
    "/assets/now/pkg",
    "/assets/now/..%2f..%2fCargo.toml",
    "/assets/now/..%2f..%2fstyle%2fmain.css",
    "/assets/now/%2fetc%2fhosts.txt",
    "/assets/now/pkg/%2e%2e/%2e%2e/%2e%2e/style/main.css",
    "/latchkey.db",
  ]) {
    expect.soft((await get(server.url + path)).status, path).toBe(404);
  }
});

function directives(policy: string | string[] | undefined): Map<string, string[]> {
  const parts = String(policy ?? "").split(";");
  return new Map(
    parts.map((part) => {
      const [name = "", ...values] = part.trim().split(/\s+/);
      return [name, values];
    }),
  );
}
