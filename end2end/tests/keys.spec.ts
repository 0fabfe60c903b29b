// Settings → API keys as people use them: made, shown once, copied, first used, rotated, revoked, with and without scripts.
import type { Page } from "@playwright/test";
import type { Visitor } from "../support/people.ts";
import { expect, test } from "../support/test.ts";

const KEYS = "/settings/api-keys";

const toast = (page: Page) => page.locator(".toast");

/** Makes a key by the form and gives its secret. */
async function make(visitor: Visitor, name: string): Promise<string> {
  const { page } = visitor;
  await visitor.open(`${KEYS}/new`);
  await visitor.fill({ Name: name });
  await visitor.press("Create key");
  return (await page.locator("#plaintext").textContent()) ?? "";
}

const leave = ({ page }: Visitor) => page.getByRole("link", { name: "I've saved it" }).click();

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with scripts" : "without scripts", () => {
    test.use({ javaScriptEnabled });

    test("a key is made, shown once, used, rotated and revoked", async ({ serve, visit, request, watch }) => {
      const server = await serve();
      const alice = visit(server);
      const { page } = alice;
      await alice.setUp();
      await alice.follow(() => page.getByRole("link", { name: "API keys" }).first().click());
      await expect(page.getByRole("heading", { level: 2 })).toHaveText("Create your first key");
      await alice.follow(() => page.getByRole("main").getByRole("link", { name: "Create key" }).click());
      await expect(page.getByRole("dialog", { name: "Create key" })).toBeVisible();
      await expect(page.getByLabel("Name", { exact: true })).toBeFocused();
      await alice.fill({ Name: "ci-deploy" });
      expect(await alice.press("Create key")).toBe(200);
      const secret = (await page.locator("#plaintext").textContent()) ?? "";
      expect(secret).toMatch(/^ak_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/);
      await expect(page.getByText("Waiting for the first call…")).toBeVisible();

      const checked = await request.get(`${server.url}/api/v1/me`, {
        headers: { authorization: `Bearer ${secret}` },
      });
      expect(checked.status()).toBe(200);
      if (javaScriptEnabled) {
        await expect(page.getByText("First call received from 127.0.0.1.")).toBeVisible();
        page.once("dialog", (dialog) => void dialog.dismiss());
        await page.getByRole("link", { name: "API keys" }).first().click({ noWaitAfter: true });
        await expect(page.locator("#plaintext")).toHaveText(secret);
      }
      await alice.follow(() => leave(alice));
      await alice.isAt(KEYS);
      await expect(page.locator("body")).not.toContainText(secret.slice(-20));

      await alice.follow(() => page.getByRole("link", { name: "ci-deploy" }).click());
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("ci-deploy");
      await alice.follow(() => page.getByRole("link", { name: "Rotate…" }).click());
      expect(await alice.press("Rotate key")).toBe(200);
      const next = (await page.locator("#plaintext").textContent()) ?? "";
      expect(next).not.toBe(secret);
      await alice.follow(() => leave(alice));
      await expect(page.getByRole("heading", { name: "Rotation in progress" })).toBeVisible();
      await alice.follow(() => page.getByRole("link", { name: "Finish now…" }).click());
      await expect(page.getByRole("dialog")).toContainText("Finish the rotation of ci-deploy?");
      await alice.press("Finish now");
      await expect(toast(page)).toContainText("Only the new secret works.");

      await alice.follow(() => page.getByRole("link", { name: "Revoke key…" }).click());
      watch.expect(422);
      await alice.fill({ "Type ci-deploy to confirm": "ci" });
      expect(await alice.press("Revoke key")).toBe(422);
      await alice.isRefused("Type ci-deploy to confirm", "This is not the key's name.");
      await alice.fill({ "Type ci-deploy to confirm": "ci-deploy" });
      expect(await alice.press("Revoke key")).toBe(200);
      await expect(toast(page)).toContainText("ci-deploy is revoked.");
    });

    test("a shown secret comes back neither by reloading nor by Back", async ({ serve, visit, watch }) => {
      const server = await serve();
      const alice = visit(server);
      const { page } = alice;
      await alice.setUp();
      const secret = await make(alice, "ci-deploy");
      await alice.follow(() => leave(alice));
      await page.goBack({ waitUntil: "commit" }).catch(() => undefined);
      await expect(page.locator("body")).not.toContainText(secret.slice(-20));
      await watch.take();
    });

    test("the list is searched and filtered", async ({ serve, visit }) => {
      const server = await serve();
      const alice = visit(server);
      const { page } = alice;
      await alice.setUp();
      const secret = await make(alice, "ci-deploy");
      await alice.follow(() => leave(alice));
      const search = page.getByLabel("Search by name, prefix or owner");
      await search.fill("omega");
      await alice.follow(() => search.press("Enter"));
      await alice.isAt(`${KEYS}?q=omega`);
      await expect(page.getByText("No key matches “omega”")).toBeVisible();
      await search.fill(secret);
      await alice.follow(() => search.press("Enter"));
      expect(page.url()).not.toContain(secret.slice(-20));
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("ci-deploy");
      await alice.open(KEYS);
      if (javaScriptEnabled) {
        await alice.follow(() => page.getByLabel("Sort").selectOption("Name A to Z"));
      } else {
        await page.getByLabel("Sort").selectOption("Name A to Z");
        await alice.press("Apply");
      }
      await alice.isAt(`${KEYS}?sort=name`);
      await page.getByLabel("Select ci-deploy").check();
      await alice.press("Disable");
      await expect(toast(page)).toContainText("1 key disabled.");
      await alice.press("Undo");
      await expect(toast(page)).toContainText("ci-deploy works again.");
    });
  });
}

test("copying puts the key on the clipboard and says so", async ({ serve, visit, context }) => {
  const server = await serve();
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const alice = visit(server);
  const { page } = alice;
  await alice.setUp();
  const secret = await make(alice, "ci-deploy");
  const pasted = () => page.evaluate(() => navigator.clipboard.readText());
  await page.getByRole("button", { name: "Copy", exact: true }).click();
  await expect(page.getByText("Copied")).toBeVisible();
  expect(await pasted()).toContain(`Bearer ${secret}"`);
  await page.getByRole("button", { name: "Copy key" }).click();
  await expect.poll(pasted).toBe(secret);
  await page.getByLabel("Hide the key").check({ force: true });
  await expect(page.locator(".mask-off")).toBeHidden();
  // It was copied: nothing is asked.
  await alice.follow(() => page.reload());
  await alice.isAt(KEYS);
  await expect(page.locator("body")).not.toContainText(secret.slice(-20));
});
