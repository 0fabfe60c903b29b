// The browser's Back, with its memory of whole pages on, which Playwright switches off otherwise.
import { guardedCode, OWNER, PASSWORD, PROFILE, Visitor } from "../support/people.ts";
import { expect, test } from "../support/test.ts";

test.use({
  launchOptions: [
    async ({ launchOptions }, use) =>
      use({ ...launchOptions, ignoreDefaultArgs: ["--disable-back-forward-cache"] }),
    { scope: "worker" },
  ],
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with scripts" : "without scripts", () => {
    test.use({ javaScriptEnabled });

    test("after signing out no private page comes back", async ({ serve, visit }) => {
      const server = await serve();
      const alice = visit(server);
      const { page } = alice;
      await alice.setUp();
      await alice.open(`${PROFILE}/password`);
      await alice.open(PROFILE);
      await expect(page.getByRole("main")).toContainText(OWNER.email);
      await alice.signOut();
      // The third is the page that signing in led to.
      for (let back = 1; back <= 3; back += 1) {
        await page.goBack({ waitUntil: "commit" });
        await expect(page).toHaveURL(/\/sign-in/);
        await expect(page.getByRole("heading", { level: 1 })).toHaveText("Sign in");
        await expect(page.locator("body")).not.toContainText(OWNER.email);
      }
    });

    test("recovery codes do not come back", async ({ browser, home, watch }) => {
      const context = await browser.newContext({ javaScriptEnabled, storageState: home.guarded });
      await watch.over(context, javaScriptEnabled);
      const bob = new Visitor(await context.newPage(), home.server, javaScriptEnabled);
      await bob.open(`${PROFILE}/recovery-codes`);
      await bob.fill({ "Your password": PASSWORD, Code: guardedCode(home.server) });
      await bob.press("Create new codes");
      const [first = ""] = await bob.page.locator("#recovery-codes li").allInnerTexts();
      expect(first).toMatch(/^(\S{5}-){3}\S{5}$/);
      await bob.follow(() => bob.page.getByRole("link", { name: "I've saved them" }).click());
      // The page was the answer to a form: the browser asks before it sends that again.
      await expect(bob.page.goBack({ waitUntil: "commit" })).rejects.toThrow("ERR_CACHE_MISS");
      expect(await watch.take()).toEqual([
        expect.stringMatching(/recovery-codes failed: net::ERR_CACHE_MISS/),
      ]);
      await expect(bob.page.locator("body")).not.toContainText(first);
      await context.close();
    });
  });
}

test("a form that was sent can be sent again after Back", async ({ serve, visit, watch }) => {
  const server = await serve();
  const alice = visit(server);
  const { page } = alice;
  await alice.open("/sign-in");
  watch.expect(422);
  expect(await alice.signIn(OWNER.email, "not the password")).toBe(422);
  await page.goBack({ waitUntil: "commit" });
  const button = page.locator("main form button[type=submit]");
  await expect(button).toHaveText("Sign in");
  await expect(button).not.toHaveAttribute("aria-disabled");
  await alice.ready();
  expect(await alice.signIn(OWNER.email, "not the password either")).toBe(422);
});
