// A command line logs in, and a person says yes or no in the browser, with and without scripts.
import { askForCode, poll } from "../support/device.ts";
import { OWNER, PROFILE, type Visitor } from "../support/people.ts";
import { expect, test } from "../support/test.ts";
import { get } from "../support/wire.ts";

const MINE = "I started this login on my own device";
const TYPE = "Type the code that your terminal shows";
const heading = ({ page }: Visitor) => page.getByRole("heading", { level: 1 });

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with scripts" : "without scripts", () => {
    test.use({ javaScriptEnabled });

    test("signed out, the link leads to the question, and a yes to a key", async ({ serve, visit }) => {
      const server = await serve();
      const alice = visit(server);
      const { page } = alice;
      await alice.setUp();
      await alice.signOut();

      const asked = await askForCode(server);
      expect((await poll(server, asked)).body["error"]).toBe("authorization_pending");
      const link = `${asked.verification_uri_complete}&org=${encodeURIComponent(OWNER.organization)}&callback=x`;
      await alice.open(link);
      const wanted = link.slice(server.url.length);
      await alice.isAt(`/sign-in?next=${encodeURIComponent(wanted)}`);
      await alice.signIn();
      await alice.isAt(wanted);
      await expect(heading(alice)).toHaveText("Approve this login?");
      await expect(page.getByRole("main")).toContainText(asked.user_code);
      await expect(page.getByRole("main")).toContainText("thinkpad-alice");
      await expect(page.getByRole("main")).toContainText("Latchkey CLI");
      await expect(page.getByRole("main")).toContainText(OWNER.email);

      // The browser itself asks for the box.
      await page.getByRole("button", { name: "Approve" }).click();
      await expect(page.getByLabel(MINE)).toBeFocused();
      await page.getByLabel(MINE).check();
      expect(await alice.press("Approve")).toBe(200);
      await alice.isAt(`/auth/device?code=${asked.user_code}&org=${waiting(server.url, page.url())}`);
      await expect(heading(alice)).toHaveText("Return to your terminal");
      await expect(page.getByRole("main")).toContainText("about to fetch its key");

      const told = await poll(server, asked);
      expect(told.status).toBe(200);
      expect(told.body["email"]).toBe(OWNER.email);
      expect((await poll(server, asked)).body["error"]).toBe("invalid_grant");
      if (javaScriptEnabled) await expect(page.getByText("The terminal has its key.")).toBeVisible();

      await alice.open(wanted);
      await alice.follow(() => page.getByRole("link", { name: "alice@thinkpad-alice" }).click());
      await expect(heading(alice)).toHaveText("alice@thinkpad-alice");
      await expect(page.getByRole("main")).toContainText("CLI login on thinkpad-alice");

      const authorization = `Bearer ${told.body["access_token"]}`;
      const me = () => get(`${server.url}/api/v1/me`, { authorization });
      expect((await me()).status).toBe(200);
      await alice.open(PROFILE);
      await alice.follow(() => page.getByRole("link", { name: "Revoke key…" }).click());
      await expect(page.getByRole("main")).toContainText("In the last 24 h");
      expect(await alice.press("Revoke key")).toBe(200);
      await expect(page.getByRole("main")).toContainText("None. A login from a command line");
      expect((await me()).status).toBe(401);
      expect(server.audited()).toEqual([
        "organization.created",
        "session.ended",
        "login.asked",
        "session.started",
        "login.approved",
        "key.created",
        "key.revoked",
      ]);
    });

    test("the key gets a lower role and an expiry", async ({ serve, visit, watch }) => {
      const server = await serve();
      const alice = visit(server);
      const { page } = alice;
      await alice.setUp();
      const asked = await askForCode(server);
      await alice.open(asked.verification_uri_complete);
      await expect(page.getByText("Rename or delete the organization")).toBeVisible();
      await page.getByRole("radio", { name: "Viewer" }).check({ force: true });
      await expect(page.getByText("Rename or delete the organization")).toBeHidden();
      await expect(page.getByText("Call the API as a viewer")).toBeVisible();
      await page.getByRole("radio", { name: "Custom" }).check({ force: true });
      await page.getByLabel("Last day").fill("2020-01-01");
      await page.getByLabel(MINE).check();
      watch.expect(422);
      expect(await alice.press("Approve")).toBe(422);
      await expect(page.getByRole("alert")).toContainText("The expiry must be in the future.");
      await expect(page.getByLabel(MINE)).toBeChecked();
      await expect(page.getByRole("radio", { name: "Viewer" })).toBeChecked();
      await page.getByRole("radio", { name: "30 days" }).check({ force: true });
      expect(await alice.press("Approve")).toBe(200);
      await expect(heading(alice)).toHaveText("Return to your terminal");
      await expect(page.getByRole("main")).toContainText("as a viewer");
      const told = await poll(server, asked);
      expect(told.body["scope"]).toBe("viewer");
      expect(told.body["expires_in"]).toBeGreaterThan(29 * 86_400);
      expect(told.body["expires_in"]).toBeLessThanOrEqual(30 * 86_400);
    });

    test("a typed code is found however it is typed, and a no is a no", async ({ serve, visit, watch }) => {
      const server = await serve();
      const alice = visit(server);
      const { page } = alice;
      await alice.setUp();
      const asked = await askForCode(server);
      await alice.open("/auth/device");
      await expect(page.getByLabel("Code", { exact: true })).toBeFocused();
      watch.expect(422);
      await alice.fill({ Code: "bbbb bbbb" });
      expect(await alice.press("Continue")).toBe(422);
      const code = page.getByLabel("Code", { exact: true });
      await expect(code).toBeFocused();
      await expect(code).toHaveValue("bbbb bbbb");
      await expect(code).toHaveAccessibleDescription(/No login is waiting for BBBB-BBBB/);

      await alice.fill({ Code: asked.user_code.toLowerCase().replace("-", " ") });
      expect(await alice.press("Continue")).toBe(200);
      await expect(heading(alice)).toHaveText("Approve this login?");
      expect(await alice.press("Deny")).toBe(200);
      await expect(heading(alice)).toHaveText("Login denied");
      expect((await poll(server, asked)).body["error"]).toBe("access_denied");
      expect(server.audited()).toEqual(["organization.created", "login.asked", "login.denied"]);
    });

    test("from another network the code is typed, and the page warns", async ({ serve, visit, watch }) => {
      const server = await serve({ LATCHKEY_TRUSTED_PROXIES: "127.0.0.1" });
      const alice = visit(server);
      const { page } = alice;
      await alice.setUp();
      const asked = await askForCode(server, "thinkpad-alice", "198.51.100.9");
      await alice.open(asked.verification_uri_complete);
      await expect(page.getByRole("main")).toContainText("comes from another network than yours");
      await expect(page.getByRole("main")).not.toContainText(asked.user_code);
      await page.getByLabel(MINE).check();
      watch.expect(422);
      await alice.fill({ [TYPE]: "BBBB-BBBB" });
      expect(await alice.press("Approve")).toBe(422);
      await alice.isRefused(TYPE, /not the code of this login/);
      await expect(page.getByLabel(MINE)).toBeChecked();
      await alice.fill({ [TYPE]: asked.user_code.toLowerCase() });
      expect(await alice.press("Approve")).toBe(200);
      await expect(heading(alice)).toHaveText("Return to your terminal");
      expect((await poll(server, asked)).status).toBe(200);
    });

    test("a code that ran out says so", async ({ serve, visit }) => {
      const server = await serve();
      const alice = visit(server);
      await alice.setUp();
      const asked = await askForCode(server);
      server.database.run("UPDATE device_logins SET expires_at = created_at");
      await alice.open(asked.verification_uri_complete);
      await expect(heading(alice)).toHaveText("This code has expired");
      await alice.follow(() => alice.page.getByRole("link", { name: "Enter a new code" }).click());
      await expect(heading(alice)).toHaveText("Connect a device");
    });

    test("another account is a sign-in away", async ({ serve, visit }) => {
      const server = await serve();
      const alice = visit(server);
      await alice.setUp();
      const asked = await askForCode(server);
      await alice.open(asked.verification_uri_complete);
      await alice.follow(() => alice.page.getByRole("link", { name: "Use another account" }).click());
      await expect(heading(alice)).toHaveText("Sign in");
      await alice.signIn();
      await alice.isAt(`/auth/device?code=${asked.user_code}`);
      await expect(heading(alice)).toHaveText("Approve this login?");
    });
  });
}

/** The organization's id, as the address has it. */
function waiting(base: string, url: string): string {
  return new URL(url, base).searchParams.get("org") ?? "";
}
