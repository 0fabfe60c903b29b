// Live parts: a page hears at once, says so while its connection is away, and comes back by itself. And pages whose
// program, fonts or styles do not arrive: their content is there and their forms work.
import { HOME, OWNER } from "../support/people.ts";
import { expect, test } from "../support/test.ts";

test("a session that begins elsewhere is heard of at once", async ({ serve, visit, another }) => {
  const server = await serve();
  const alice = visit(server);
  await alice.setUp();
  const part = alice.page.locator(".live");
  await expect(part).toHaveAttribute("data-state", "waiting");
  await expect(part.getByText("Watching for new sessions.")).toBeHidden();
  await expect(part.getByText("Load the page again to see.", { exact: true })).toBeHidden();

  const elsewhere = await another(server);
  await elsewhere.signIn();
  await expect(part).toHaveAttribute("data-state", "arrived");
  await expect(part.getByText("A new session began.")).toBeVisible();
});

test("a connection that is away is told and comes back", async ({ serve, visit, watch }) => {
  const server = await serve();
  const alice = visit(server);
  await alice.page.route("**/live?*", (route) => route.abort("connectionfailed"));
  await alice.setUp();
  const lost = alice.page.getByText("Live updates paused. Reconnecting…");
  await expect(lost).toBeVisible();
  await alice.page.unroute("**/live?*");
  // The browser tries again by itself after some seconds.
  await expect(lost).toBeHidden({ timeout: 20_000 });
  for (const finding of await watch.take()) expect(finding).toContain("/live?");
});

test("a connection ends when another process disables its person", async ({ serve, visit, watch }) => {
  const server = await serve();
  const alice = visit(server);
  await alice.setUp();
  const part = alice.page.locator(".live");
  await expect(part).toHaveAttribute("data-state", "waiting");
  await server.admin("disable-user", OWNER.email);
  // The server checks every few seconds.
  await expect(part).toHaveAttribute("data-link", "lost", { timeout: 20_000 });
  for (const finding of await watch.take()) expect(finding).toMatch(/\/live\?|EventSource/);
});

test("what is created elsewhere waits behind a bar, and other changes show at once", async ({
  serve,
  visit,
  another,
}) => {
  const server = await serve();
  const alice = visit(server);
  await alice.setUp();
  await alice.open("/settings/api-keys/new");
  await alice.fill({ Name: "first" });
  await alice.press("Create key");
  await alice.open("/settings/api-keys");
  const elsewhere = await another(server);
  await elsewhere.signIn();
  await elsewhere.open("/settings/api-keys/new");
  await elsewhere.fill({ Name: "second" });
  await elsewhere.press("Create key");
  const bar = alice.page.getByRole("button", { name: "1 new Show" });
  await expect(bar).toBeVisible({ timeout: 20_000 });
  await expect(alice.page.getByRole("link", { name: "second" })).toHaveCount(0);
  await bar.click();
  await expect(alice.page.getByRole("link", { name: "second" })).toBeVisible();
  await expect(bar).toBeHidden();

  server.database.run("UPDATE keys SET name = 'renamed' WHERE name = 'first'");
  // The next audited change.
  await elsewhere.open("/settings/api-keys/new");
  await elsewhere.fill({ Name: "third" });
  await elsewhere.press("Create key");
  await expect(bar).toBeVisible({ timeout: 20_000 });
  await bar.click();
  await expect(alice.page.getByRole("link", { name: "renamed" })).toBeVisible();
});

test.describe("without scripts", () => {
  test.use({ javaScriptEnabled: false });

  test("a live part says how to look again", async ({ serve, visit }) => {
    const server = await serve();
    const alice = visit(server);
    await alice.setUp();
    await alice.open("/settings/api-keys/new");
    await alice.fill({ Name: "ci-deploy" });
    await alice.press("Create key");
    await expect(alice.page.getByText("It appears here within a second")).toBeHidden();
    await expect(alice.page.getByRole("button", { name: /^Copy/ })).toHaveCount(0);
    await alice.follow(() => alice.page.getByRole("link", { name: /^See the first call/ }).click());
    await expect(alice.page.getByRole("heading", { level: 1 })).toHaveText("ci-deploy");
  });
});

for (const [what, blocked] of [
  ["the program", "**/*.wasm"],
  ["the fonts", "**/*.woff2"],
  ["the styles", "**/*.css"],
] as const) {
  test(`a page without ${what} loses nothing`, async ({ serve, browser }) => {
    const server = await serve();
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.route(blocked, (route) => route.abort());
    await page.goto(server.setupLink);
    await page.getByLabel("Your name").fill(OWNER.name);
    await page.getByLabel("Email").fill(OWNER.email);
    await page.getByLabel("Password", { exact: true }).fill("tide water marsh lantern");
    await page.getByLabel("Organization").fill(OWNER.organization);
    await page.getByRole("button", { name: "Create account and organization", exact: true }).click();
    await expect(page).toHaveURL(new URL(HOME, server.url).href);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Overview");
    await context.close();
  });
}
