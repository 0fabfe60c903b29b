// Guards that cannot fail guard nothing: each check of the other specs is given a fault that it must find.
import type { Page, Route } from "@playwright/test";
import { accessibility, names, overflow } from "../support/checks.ts";
import { hydrated } from "../support/hydration.ts";
import { expect, test } from "../support/test.ts";

/** Opens the start page with `markup` at the end of its body; `NONCE` in it becomes the page's own. */
async function openWith(page: Page, markup: string): Promise<void> {
  await page.route("/", async (route: Route) => {
    const answer = await route.fetch();
    const nonce = /'nonce-([^']+)'/.exec(answer.headers()["content-security-policy"] ?? "")?.[1] ?? "";
    const html = (await answer.text()).replace("</body>", `${markup.replaceAll("NONCE", nonce)}</body>`);
    await route.fulfill({ response: answer, body: html });
  });
  await page.goto("/");
}

test("an untouched page has no findings", async ({ page, watch }) => {
  await openWith(page, "");
  await hydrated(page);
  const findings = [await watch.take(), await names(page), await overflow(page), await accessibility(page)];
  expect(findings.flat()).toEqual([]);
});

for (const [fault, markup, expected] of [
  ["an inline script", "<script>window.planted = 1</script>", /^policy: script-src-elem stopped inline/],
  [
    "an inline handler",
    '<img src="/favicon.svg" alt="" onload="1">',
    /^policy: script-src-attr stopped inline/,
  ],
  ["an inline style", "<style>p { color: red }</style>", /^policy: style-src-elem stopped inline/],
  ["a style attribute", '<p style="color: red">x</p>', /^policy: style-src-attr stopped inline/],
  [
    "a foreign image",
    '<img src="http://127.0.0.2:9/x.png" alt="">',
    /^policy: img-src stopped http:\/\/127.0.0.2/,
  ],
  ["eval", '<script nonce="NONCE">try { eval("1") } catch {}</script>', /^policy: script-src stopped eval/],
  ["a console error", '<script nonce="NONCE">console.error("planted")</script>', /^console: planted/],
  ["an exception", '<script nonce="NONCE">throw new Error("planted")</script>', /^exception: planted/],
  ["a missing file", '<img src="/assets/now/none.svg" alt="">', /^answer: 404 .*none\.svg$/],
  [
    "a dead connection",
    '<script nonce="NONCE">fetch("/dead").catch(() => 0)</script>',
    /^request: .*\/dead failed/,
  ],
] as const) {
  test(`the watch finds ${fault}`, async ({ page, watch }) => {
    await page.route("/dead", (route) => route.abort("connectionreset"));
    await openWith(page, markup);
    await hydrated(page);
    expect(await watch.take()).toContainEqual(expect.stringMatching(expected));
  });
}

test.describe("without scripts", () => {
  test.use({ javaScriptEnabled: false });

  test("the watch finds an inline style", async ({ page, watch }) => {
    await openWith(page, "<style>p { color: red }</style>");
    expect(await watch.take()).toContainEqual(expect.stringMatching(/^console: .*Content Security Policy/));
  });
});

test("axe finds an image without a text", async ({ page }) => {
  await openWith(page, '<img src="/favicon.svg">');
  expect(await accessibility(page)).toContainEqual(expect.stringMatching(/^axe image-alt: /));
});

test("axe finds words that are hard to read", async ({ page }) => {
  await openWith(page, '<main><font color="#c0c0c0" id="pale">pale</font></main>');
  await page.locator("#pale").evaluate((pale) => (pale.style.backgroundColor = "white"));
  expect(await accessibility(page)).toContainEqual(expect.stringMatching(/^axe color-contrast: /));
});

test("too wide a page is found", async ({ page }) => {
  await openWith(page, '<canvas width="3000" height="1"></canvas>');
  expect(await overflow(page)).toEqual([expect.stringMatching(/^3\d\d\d px wide/)]);
});

test("a second heading and a nameless title are found", async ({ page }) => {
  await openWith(page, "<h1>Another</h1>");
  await page.evaluate(() => (document.title = "Nameless"));
  expect(await names(page)).toEqual(["2 h1 instead of 1", 'title "Nameless"']);
});

test("islands that stay dead are found", async ({ page, watch }) => {
  await page.route("**/*.wasm", (route) => route.fulfill({ status: 404 }));
  await page.goto("/");
  await expect(hydrated(page, 2_000)).rejects.toThrow("did not come to life");
  expect(await watch.take()).toContainEqual(expect.stringMatching(/^answer: 404 .*\.wasm$/));
});

test("a server that does not end well is found", async ({ serve }) => {
  const server = await serve();
  server.signal("SIGKILL");
  await expect(server.stop()).rejects.toThrow("ended with SIGKILL instead of 0");
});
