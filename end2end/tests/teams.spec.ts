// A person invites a second one, who joins by the link; roles change; somebody is removed; the audit log shows all of
// it, with and without scripts.
import type { Page } from "@playwright/test";
import { HOME, OWNER, PASSWORD } from "../support/people.ts";
import { expect, test } from "../support/test.ts";

const INGRID = { name: "Ingrid Solberg", email: "ingrid@tidewater.example" };
const MEMBERS = "/settings/members";
const toast = (page: Page) => page.getByRole("status").filter({ hasText: /\S/ });

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with scripts" : "without scripts", () => {
    test.use({ javaScriptEnabled });

    test("somebody joins by a link, rises, and is removed", async ({ serve, visit, another, watch }) => {
      const server = await serve();
      const [alice, ingrid] = [visit(server), await another(server)];
      const { page } = alice;
      await alice.setUp();

      await alice.open(MEMBERS);
      watch.expect(422);
      await alice.fill({ "Invite people": OWNER.email });
      expect(await alice.press("Invite")).toBe(422);
      await alice.isRefused("Invite people", /is a member already/);
      await alice.fill({ "Invite people": INGRID.email });
      await page.getByLabel("Role", { exact: true }).selectOption("Viewer");
      expect(await alice.press("Invite")).toBe(200);
      const link = await page.locator("#invite-links code").innerText();
      await alice.open(MEMBERS);
      await expect(page.getByRole("main")).not.toContainText(link);
      const pending = page.getByRole("table", { name: "Pending invites" }).getByRole("row");
      await expect(pending.filter({ hasText: INGRID.email })).toContainText("In 7 days");

      expect(await ingrid.open(link)).toBe(200);
      await expect(ingrid.page.getByRole("heading", { level: 1 })).toHaveText(`Join ${OWNER.organization}`);
      await ingrid.fill({ "Your name": INGRID.name, Password: PASSWORD });
      expect(await ingrid.press("Create account and join")).toBe(200);
      await ingrid.isAt(HOME);
      watch.expect(410, link);
      expect(await ingrid.open(link), "a link works once").toBe(410);
      watch.expect(403, new URL("/settings/audit-log", server.url).href);
      expect(await ingrid.open("/settings/audit-log")).toBe(403);

      await alice.open(MEMBERS);
      const row = page.getByRole("table", { name: "Members" }).getByRole("row", { name: INGRID.name });
      await row.getByRole("button", { name: `Actions for ${INGRID.name}` }).click();
      await alice.follow(() => row.getByRole("link", { name: "Change role…" }).click());
      await page.getByRole("radio", { name: "Admin" }).check();
      expect(await alice.press("Change role")).toBe(200);
      await expect(toast(page)).toContainText(`${INGRID.name} is now an admin.`);
      expect(await ingrid.open("/settings/audit-log")).toBe(200);

      await row.getByRole("button", { name: `Actions for ${INGRID.name}` }).click();
      await alice.follow(() => row.getByRole("link", { name: "Remove…" }).click());
      await expect(page.getByRole("main")).toContainText(
        "This member has no keys, or all of them are revoked.",
      );
      expect(await alice.press("Remove member")).toBe(200);
      await expect(toast(page)).toContainText(`${INGRID.name} was removed.`);
      watch.expect(403, new URL(MEMBERS, server.url).href);
      expect(await ingrid.open(MEMBERS)).toBe(403);

      await alice.open("/settings/audit-log");
      const events = page.locator(".audit-row");
      await expect(events.locator(".a-action")).toHaveText([
        "member.removed",
        "member.role_changed",
        "member.joined",
        "member.invited",
        "organization.created",
      ]);
      // An event opens without a script.
      await events.first().locator("summary").click();
      await expect(events.first().getByLabel("Event as JSON")).toContainText('"role": "admin"');
      await page.getByLabel("Action", { exact: true }).fill("joined");
      await alice.follow(() => page.getByRole("button", { name: "Apply" }).click());
      await expect(events).toHaveCount(1);
      await expect(events).toContainText(INGRID.email);
    });
  });
}
