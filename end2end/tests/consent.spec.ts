// An MCP client logs in: the browser shows who asks, a person decides, and the browser returns to the app.
import { App, Callback } from "../support/app.ts";
import { OWNER, PROFILE, type Visitor } from "../support/people.ts";
import { expect, test } from "../support/test.ts";
import { get } from "../support/wire.ts";

const heading = ({ page }: Visitor) => page.getByRole("heading", { level: 1 });

/** Presses a button that leads back to the app, whose page is not one of ours. */
async function leave({ page }: Visitor, button: string, callback: Callback): Promise<URLSearchParams> {
  await page.getByRole("button", { name: button, exact: true }).click();
  await page.waitForURL((url) => url.href.startsWith(callback.url));
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Back in the app");
  return new URL(page.url()).searchParams;
}

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with scripts" : "without scripts", () => {
    test.use({ javaScriptEnabled });

    test("signed out, the app leads to the question, and a yes back to the app", async ({ serve, visit }) => {
      const server = await serve();
      const callback = await Callback.start();
      const app = await App.register(server, callback.url);
      const alice = visit(server);
      const { page } = alice;
      await alice.setUp();
      await alice.signOut();

      const asked = app.address().slice(server.url.length);
      await alice.open(asked);
      await alice.isAt(`/sign-in?next=${encodeURIComponent(asked).replaceAll("%20", "+")}`);
      await alice.signIn();
      await alice.isAt(asked);
      await expect(heading(alice)).toHaveText("Let Claude Code connect?");
      const main = page.getByRole("main");
      await expect(main).toContainText("Unverified name");
      await expect(main).toContainText("This computer");
      await expect(main).toContainText("as member at most");
      await expect(main).toContainText(`${OWNER.organization} (you are an owner)`);
      await expect(page.getByRole("radio", { name: "Member" })).toBeChecked();
      await expect(page.getByRole("radio", { name: "Owner" })).toBeDisabled();
      await expect(
        page.getByText("Create keys with the role member or lower, and manage your own"),
      ).toBeVisible();
      await page.getByRole("radio", { name: "Viewer" }).check({ force: true });
      await expect(
        page.getByText("Create keys with the role member or lower, and manage your own"),
      ).toBeHidden();
      await expect(page.getByText("Cannot create or change anything")).toBeVisible();

      const answer = await leave(alice, "Approve", callback);
      expect([answer.get("state"), answer.get("iss")]).toEqual([app.state, server.url]);
      const tokens = await app.redeem(answer.get("code") ?? "");
      expect([tokens.status, tokens.body["scope"], tokens.body["expires_in"]]).toEqual([200, "viewer", 3600]);

      const authorization = `Bearer ${tokens.body["access_token"]}`;
      expect((await get(`${server.url}/api/v1/me`, { authorization })).status).toBe(403);
      const renewed = await app.refresh(String(tokens.body["refresh_token"]));
      expect(renewed.status).toBe(200);

      await alice.open("/settings/api-keys");
      await expect(main).toContainText("MCP login · Claude Code");
      await alice.open(PROFILE);
      await expect(main).toContainText("MCP login · Claude Code in Tidewater Freight");
      await alice.follow(() => page.getByRole("link", { name: "Revoke key…" }).click());
      expect(await alice.press("Revoke key")).toBe(200);
      const refused = await app.refresh(String(renewed.body["refresh_token"]));
      expect([refused.status, refused.body["error"]]).toEqual([400, "invalid_grant"]);
      await callback.stop();
    });

    test("a no is told to the app", async ({ serve, visit }) => {
      const server = await serve();
      const callback = await Callback.start();
      const app = await App.register(server, callback.url);
      const alice = visit(server);
      await alice.setUp();
      await alice.open(app.address());
      const answer = await leave(alice, "Deny", callback);
      expect([answer.get("error"), answer.get("state")]).toEqual(["access_denied", app.state]);
      await callback.stop();
    });

    test("an address that the app did not register is shown, and not opened", async ({
      serve,
      visit,
      watch,
    }) => {
      const server = await serve();
      const callback = await Callback.start();
      const app = await App.register(server, callback.url);
      const alice = visit(server);
      await alice.setUp();
      watch.expect(400);
      expect(await alice.open(app.address({ redirect_uri: `${callback.url}/` }))).toBe(400);
      await expect(heading(alice)).toHaveText("This app cannot connect");
      await expect(alice.page.locator(".differs")).toHaveText("/");
      expect(alice.page.url()).toContain(server.url);
      await callback.stop();
    });
  });
}
