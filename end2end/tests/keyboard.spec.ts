// The pages with the keyboard: dialogs, drafts, menus, and where the focus is.
import type { Visitor } from "../support/people.ts";
import { expect, test } from "../support/test.ts";

const KEYS = "/settings/api-keys";

async function create(visitor: Visitor, name: string): Promise<void> {
  await visitor.open(`${KEYS}/new`);
  await visitor.fill({ Name: name });
  await visitor.press("Create key");
  await visitor.follow(() => visitor.page.getByRole("link", { name: "I've saved it" }).click());
}

test("Escape keeps the draft of a key, Cancel discards it, and the focus returns", async ({
  serve,
  visit,
}) => {
  const server = await serve();
  const alice = visit(server);
  const { page } = alice;
  await alice.setUp();
  await create(alice, "ci-deploy");
  await alice.open(KEYS);
  const opener = page.getByRole("main").getByRole("link", { name: "Create key" });
  const name = page.getByLabel("Name", { exact: true });
  const open = async () => {
    await opener.focus();
    await alice.follow(() => page.keyboard.press("Enter"));
    await expect(name).toBeFocused();
  };
  await open();
  await page.keyboard.type("nightly report");
  await page.getByRole("radio", { name: "Viewer" }).check({ force: true });
  await alice.follow(() => page.keyboard.press("Escape"));
  await expect(page.getByRole("dialog", { name: "Create key" })).toHaveCount(0);
  await expect(opener).toBeFocused();
  await open();
  await expect(name).toHaveValue("nightly report");
  await expect(page.getByRole("radio", { name: "Viewer" })).toBeChecked();
  await page.getByRole("dialog").getByRole("link", { name: "Cancel" }).focus();
  await alice.follow(() => page.keyboard.press("Enter"));
  await expect(opener).toBeFocused();
  await open();
  await expect(name).toHaveValue("");
});

test("after creating, the focus is on Copy key, and Back does not open the form again", async ({
  serve,
  visit,
}) => {
  const server = await serve();
  const alice = visit(server);
  const { page } = alice;
  await alice.setUp();
  await create(alice, "ci-deploy");
  await alice.open(KEYS);
  await alice.follow(() => page.getByRole("main").getByRole("link", { name: "Create key" }).click());
  await alice.fill({ Name: "depot-gate" });
  await alice.press("Create key");
  await expect(page.getByRole("button", { name: "Copy key" })).toBeFocused();
  await alice.follow(() => page.getByRole("link", { name: "I've saved it" }).click());
  await page.goBack({ waitUntil: "commit" });
  await page.goBack({ waitUntil: "commit" });
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("API keys");
  await expect(page.getByRole("dialog", { name: "Create key" })).toHaveCount(0);
  await expect(page).toHaveURL(`${server.url}${KEYS}`);
  // A new visit opens it.
  await alice.follow(() => page.getByRole("main").getByRole("link", { name: "Create key" }).click());
  await expect(page.getByRole("dialog", { name: "Create key" })).toBeVisible();
});

test("menus take arrow keys, and dialogs open with the focus in them", async ({ serve, visit }) => {
  const server = await serve();
  const alice = visit(server);
  const { page } = alice;
  await alice.setUp();
  await create(alice, "ci-deploy");
  await alice.open(KEYS);
  const button = page.getByRole("button", { name: "Actions for ci-deploy" });
  const items = page.locator(".menu:popover-open :is(a, button)");
  await button.focus();
  await page.keyboard.press("ArrowDown");
  await expect(items.first()).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await expect(items.last()).toBeFocused();
  await page.keyboard.press("Home");
  await expect(items.first()).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(button).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await expect(items.last()).toHaveText("Revoke…");
  await alice.follow(() => page.keyboard.press("Enter"));
  await expect(page.getByRole("dialog").locator(":focus")).toHaveText("Keep key");
  await alice.follow(() => page.keyboard.press("Escape"));
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("on a phone the filters are folded, and the bar of selected keys moves no rows", async ({
  serve,
  visit,
}) => {
  const server = await serve();
  const alice = visit(server);
  const { page } = alice;
  await alice.setUp();
  for (const name of ["ci-deploy", "depot-gate", "nightly-report"]) await create(alice, name);
  await page.setViewportSize({ width: 390, height: 800 });
  await alice.open(KEYS);
  const kind = page.getByLabel("Kind", { exact: true });
  await expect(kind).toBeHidden();
  await expect(page.getByRole("navigation", { name: "Status" })).toBeHidden();
  await page.getByText("Filters", { exact: true }).click();
  await expect(kind).toBeVisible();
  await alice.follow(() => kind.selectOption("live"));
  await expect(page.getByText("Filters (1)")).toBeVisible();

  const place = () => page.getByRole("link", { name: "depot-gate" }).boundingBox();
  const before = await place();
  await page.getByLabel("Select depot-gate").check();
  expect(await place()).toEqual(before);
  const bar = page.locator(".selection");
  await expect(bar).toBeInViewport();
  const count = () =>
    page.locator(".selected-count").evaluate((element) => getComputedStyle(element, "::before").content);
  expect(await count()).toContain("selected");
  await bar.getByRole("button", { name: "Select all" }).click();
  await expect(page.locator(".pick:checked")).toHaveCount(3);
  await bar.getByRole("button", { name: "Clear" }).click();
  await expect(page.locator(".pick:checked")).toHaveCount(0);
  await expect(bar).toBeHidden();
});
