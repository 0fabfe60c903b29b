// Charts as people use them: the values of a bar by pointer, touch and keyboard, what a bar opens, and times in the
// viewer's zone.
import type { Page } from "@playwright/test";
import { Client } from "../support/api.ts";
import type { Visitor } from "../support/people.ts";
import { expect, test } from "../support/test.ts";

/** A key with two accepted and three refused requests; its path. */
async function usedKey(visitor: Visitor): Promise<string> {
  const { page } = visitor;
  await visitor.open("/settings/api-keys/new");
  await visitor.fill({ Name: "ci-deploy" });
  await visitor.press("Create key");
  const secret = (await page.locator("#plaintext").textContent()) ?? "";
  await visitor.follow(() => page.getByRole("link", { name: "I've saved it" }).click());
  const client = new Client(visitor.server, secret);
  const call = async (times: number) => {
    for (let n = 0; n < times; n++) await client.call("GET", "/api/v1/me");
  };
  await call(2);
  await visitor.open("/settings/api-keys");
  const path = (await page.getByRole("link", { name: "ci-deploy" }).getAttribute("href")) ?? "";
  await visitor.open(`${path}/edit`);
  await page.locator("#f-ranges").fill("198.51.100.0/24");
  await visitor.press("Save changes");
  await call(3);
  client.close();
  return path;
}

const chart = (page: Page) =>
  page.locator("#calls").locator("xpath=ancestor::section").locator("[data-chart]");
const bars = (page: Page) => chart(page).locator(".plot-bar");
const tip = (page: Page) => chart(page).locator(".chart-tip");

test("a bar shows its values to the pointer and opens the refused requests", async ({ serve, visit }) => {
  const server = await serve();
  const alice = visit(server);
  const { page } = alice;
  await alice.setUp();
  await alice.open(await usedKey(alice));
  await expect(bars(page).last()).toHaveAttribute("tabindex", "0");
  await expect(tip(page)).toHaveCount(0);
  await bars(page).last().hover();
  await expect(tip(page)).toContainText("Valid2");
  await expect(tip(page)).toContainText("Address not allowed3");
  await expect(tip(page)).toContainText("Opens the refused requests");
  await bars(page).first().hover();
  await expect(tip(page)).toContainText("Valid0");
  await expect(tip(page)).not.toContainText("Opens");
  await page.getByRole("heading", { level: 1 }).hover();
  await expect(tip(page)).toBeHidden();

  await alice.follow(() => bars(page).last().click());
  await expect(page).toHaveURL(/\/refusals\?from=.*&until=/);
  await expect(page.locator("tbody tr")).toHaveCount(3);
  await alice.follow(() => page.getByRole("link", { name: "Show all times" }).click());
  await expect(page).toHaveURL(/\/refusals$/);

  await alice.open("/overview");
  await alice.follow(() => page.locator("a.plot-bar").last().click());
  await expect(page).toHaveURL(/\/api-keys\/refusals\?from=/);
  await expect(page.getByRole("link", { name: "ci-deploy" })).toHaveCount(3);
});

test("a chart is one tab stop with bars to move between", async ({ serve, visit }) => {
  const server = await serve();
  const alice = visit(server);
  const { page } = alice;
  await alice.setUp();
  await alice.open(`${await usedKey(alice)}?by=reason`);
  await expect(bars(page).last()).toHaveAttribute("tabindex", "0");
  await page.getByRole("link", { name: "All refusals together" }).focus();
  await page.keyboard.press("Tab");
  await expect(bars(page).last()).toBeFocused();
  await expect(bars(page).last()).toHaveAttribute("aria-label", /: 2 valid, 3 address not allowed$/);
  await expect(tip(page)).toBeVisible();
  await page.keyboard.press("ArrowLeft");
  await expect(bars(page).nth(22)).toBeFocused();
  await expect(tip(page)).toContainText("Valid0");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await expect(bars(page).last()).toBeFocused();
  await page.keyboard.press("Home");
  await expect(bars(page).first()).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(page.locator("summary", { hasText: "Show as table" }).first()).toBeFocused();
  await page.keyboard.press("Shift+Tab");
  await expect(bars(page).first()).toBeFocused();
  await page.keyboard.press("End");
  await page.keyboard.press("Escape");
  await expect(tip(page)).toBeHidden();
  await expect(bars(page).last()).toBeFocused();
  await alice.follow(() => page.keyboard.press("Enter"));
  await expect(page).toHaveURL(/\/refusals\?reason=ip_not_allowed&from=/);
});

test.describe("on a touch screen", () => {
  test.use({ hasTouch: true });

  test("the first touch shows the values, and the second one opens the bar", async ({ serve, visit }) => {
    const server = await serve();
    const alice = visit(server);
    const { page } = alice;
    await alice.setUp();
    const path = await usedKey(alice);
    await alice.open(path);
    await expect(bars(page).last()).toHaveAttribute("tabindex", "0");
    await bars(page).last().tap();
    await expect(tip(page)).toContainText("Address not allowed3");
    expect(new URL(page.url()).pathname).toBe(path);
    await alice.follow(() => bars(page).last().tap());
    await expect(page).toHaveURL(/\/refusals\?from=/);
  });
});

test.describe("in another time zone", () => {
  test.use({ timezoneId: "Asia/Kolkata" });

  test("times and days are those of the viewer, with UTC on hover", async ({ serve, visit }) => {
    const server = await serve();
    const alice = visit(server);
    const { page } = alice;
    await alice.setUp();
    const path = await usedKey(alice);
    await alice.open(path);
    // Half an hour beside the hours of UTC.
    await expect(page.locator(".plot-tick time").first()).toHaveText(/^\d\d:30$/);
    await bars(page).last().hover();
    await expect(tip(page).locator(".chart-tip-span")).toHaveText(
      /^\d+ \w+, (\d\d:30–\d\d:30|23:30 – \d+ \w+, 00:30)$/,
    );
    await alice.open("/overview");
    const time = page.getByRole("main").locator("time").first();
    const at = new Date((await time.getAttribute("datetime")) ?? "");
    const local = at.toLocaleTimeString("en-GB", {
      timeZone: "Asia/Kolkata",
      hour: "2-digit",
      minute: "2-digit",
    });
    await expect(time).toHaveText(new RegExp(`, ${local}$`));
    await expect(time).toHaveAttribute("title", / UTC$/);

    await alice.open(`${path}/edit`);
    await page.getByText("Custom", { exact: true }).click();
    await page.getByLabel("Last day").fill("2031-05-31");
    await expect(page.locator(".o-custom")).toBeVisible();
    await expect(page.locator(".o-custom .scriptless")).toBeHidden();
    await alice.press("Save changes");
    const end = page.locator("time[data-wording=last-day]");
    await expect(end).toHaveText("31 May 2031");
    await expect(end).toHaveAttribute("title", "31 May 2031, 18:30:00 UTC");
  });
});

test.describe("on the day on which summer time begins", () => {
  test.use({ timezoneId: "Europe/Berlin" });

  test("a key ends with the day", async ({ serve, visit }) => {
    const server = await serve();
    const alice = visit(server);
    const { page } = alice;
    await alice.setUp();
    await alice.open("/settings/api-keys/new");
    await alice.fill({ Name: "ci-deploy" });
    await page.getByText("Custom", { exact: true }).click();
    await page.getByLabel("Last day").fill("2031-03-30");
    await alice.press("Create key");
    await alice.follow(() => page.getByRole("link", { name: "I've saved it" }).click());
    const end = page.locator("time[data-wording=last-day]");
    await expect(end).toHaveAttribute("title", "30 Mar 2031, 22:00:00 UTC");
    await expect(end).toHaveText("30 Mar 2031");
  });
});

test.describe("without scripts", () => {
  test.use({ javaScriptEnabled: false });

  test("bars are links, and times say that they are UTC", async ({ serve, visit }) => {
    const server = await serve();
    const alice = visit(server);
    const { page } = alice;
    await alice.setUp();
    await alice.open(await usedKey(alice));
    await expect(page.getByText("Times are UTC.").first()).toBeVisible();
    await page.locator("summary", { hasText: "Show as table" }).first().click();
    await expect(page.locator("tbody th time").first()).toHaveText(/ UTC$/);
    await alice.follow(() => page.locator("a.plot-bar").last().click());
    await expect(page.locator("tbody tr")).toHaveCount(3);
    await alice.open("/settings/api-keys/new");
    await page.getByText("Custom", { exact: true }).click();
    await expect(page.getByText("Stops at the end of that day, UTC")).toBeVisible();
  });
});
