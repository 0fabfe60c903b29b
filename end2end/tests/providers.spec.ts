// Ways in besides the password: an identity provider that is not ours, and letters. Each with and without scripts.
import type { Page } from "@playwright/test";
import { accessibility, names, overflow } from "../support/checks.ts";
import { Mailbox } from "../support/mailbox.ts";
import { GUARDED, HOME, OWNER, PASSWORD, PROFILE, type Visitor } from "../support/people.ts";
import { Provider } from "../support/provider.ts";
import type { Server, Variables } from "../support/server.ts";
import { expect, test as base } from "../support/test.ts";
import { codeAt, stepNow } from "../support/totp.ts";

const OTHER_PASSWORD = "harbour lamp under quiet rain";
const SSO = "Continue with Tidewater ID";
const toast = (page: Page) => page.getByRole("status").filter({ hasText: /\S/ });

interface Own {
  provider: Provider;
  mailbox: Mailbox;
  /** A server that knows the provider and the mailbox. */
  start: (more?: Variables) => Promise<Server>;
}

const test = base.extend<Own>({
  provider: async ({}, use) => {
    const provider = await Provider.start();
    await use(provider);
    await provider.stop().catch(() => undefined);
  },
  mailbox: async ({}, use) => {
    const mailbox = await Mailbox.start();
    await use(mailbox);
    mailbox.stop();
  },
  start: async ({ serve, provider, mailbox }, use) =>
    use(async (more = {}) => {
      const server = await serve({ ...provider.settings, ...mailbox.settings, ...more });
      provider.register(server.url);
      return server;
    }),
});

/** Follows a link to the provider, answers there, and is led back. */
async function go(visitor: Visitor, provider: Provider, link: string, login: string | null): Promise<number> {
  const { page } = visitor;
  const back = page.waitForResponse(
    (answer) =>
      answer.request().isNavigationRequest() &&
      !answer.url().startsWith(provider.url) &&
      !answer.headers()["refresh"] &&
      (answer.status() < 300 || answer.status() >= 400),
  );
  await page.getByRole("link", { name: link }).click();
  await provider.answer(page, login);
  const answer = await back;
  await page.waitForURL(answer.url(), { waitUntil: "load" });
  await visitor.ready();
  return answer.status();
}

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with scripts" : "without scripts", () => {
    test.use({ javaScriptEnabled });

    test("a provider is linked from the profile, opens the account, and is unlinked", async ({
      start,
      provider,
      mailbox,
      visit,
      another,
      watch,
    }) => {
      const server = await start();
      const alice = visit(server);
      await alice.setUp();
      await alice.follow(() => alice.page.getByRole("link", { name: "Link Tidewater ID" }).click());
      watch.expect(422);
      await alice.fill({ "Your password": "not the password" });
      expect(await alice.press("Continue to Tidewater ID")).toBe(422);
      await alice.isRefused("Your password", /not your password/);
      await alice.fill({ "Your password": PASSWORD });
      expect(await alice.press("Continue to Tidewater ID")).toBe(200);
      expect(await go(alice, provider, "Continue to Tidewater ID", "alice")).toBe(200);
      await alice.isAt(PROFILE);
      await expect(toast(alice.page)).toContainText("Tidewater ID was linked to your account.");
      await expect(alice.page.getByRole("main")).toContainText("alice@id.example");
      expect((await mailbox.letter(OWNER.email)).subject).toContain("New sign-in method");

      // Another browser comes in by it, and gets to where it was going.
      const there = await another(server);
      const wanted = `${PROFILE}/password?from=a%20letter`;
      await there.open(wanted);
      expect(await go(there, provider, SSO, "alice")).toBe(200);
      await there.isAt(wanted);

      // Somebody else at the provider is nobody here.
      const stranger = await another(server);
      await stranger.open("/sign-in");
      watch.expect(403);
      expect(await go(stranger, provider, SSO, "mallory")).toBe(403);
      await expect(stranger.page.getByRole("heading", { level: 1 })).toHaveText("No account yet");
      expect(await stranger.isSignedIn()).toBe(false);

      await alice.follow(() => alice.page.getByRole("link", { name: "Unlink Tidewater ID" }).click());
      await alice.fill({ "Your password": PASSWORD });
      expect(await alice.press("Unlink")).toBe(200);
      await expect(toast(alice.page)).toContainText("was unlinked from your account");
      const late = await another(server);
      await late.open("/sign-in");
      expect(await go(late, provider, SSO, "alice")).toBe(403);
      expect(server.audited()).toEqual([
        "organization.created",
        "password.refused",
        "sign_in_method.asked",
        "sign_in_method.added",
        "session.started",
        "sign_in_method.removed",
      ]);
    });

    test("a second factor is asked for after the provider too", async ({
      start,
      provider,
      visit,
      another,
    }) => {
      const server = await start();
      const alice = visit(server);
      await alice.setUp();
      await alice.open(`${PROFILE}/sign-in-methods/sso`);
      await alice.fill({ "Your password": PASSWORD });
      await alice.press("Continue to Tidewater ID");
      await go(alice, provider, "Continue to Tidewater ID", "alice");
      server.database.run(
        `INSERT INTO second_factors (user_id, secret, last_step, created_at)
         SELECT id, '${GUARDED.secret}', 0, 0 FROM users`,
      );
      const there = await another(server);
      await there.open("/sign-in");
      expect(await go(there, provider, SSO, "alice")).toBe(200);
      await expect(there.page.getByRole("heading", { level: 1 })).toHaveText("Enter your code");
      await there.fill({ Code: codeAt(GUARDED.secret, stepNow()) });
      await there.press("Sign in");
      await there.isAt(HOME);
    });

    test("whoever says no, and whoever answers twice, is told so", async ({
      start,
      provider,
      visit,
      watch,
    }) => {
      const server = await start();
      const alice = visit(server);
      await alice.setUp();
      await alice.signOut();
      const { page } = alice;
      watch.expect(403);
      expect(await go(alice, provider, SSO, null)).toBe(403);
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("Tidewater ID did not let you in");
      const answer = page.url();
      watch.expect(400);
      expect(await alice.open(answer)).toBe(400);
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("This sign-in has ended");
    });

    test("a provider that is away stops neither the start nor the password", async ({
      start,
      provider,
      visit,
      watch,
    }) => {
      await provider.stop();
      const server = await start();
      const alice = visit(server);
      await alice.setUp();
      await alice.signOut();
      watch.expect(503);
      expect(await alice.follow(() => alice.page.getByRole("link", { name: SSO }).click())).toBe(503);
      await expect(alice.page.getByRole("heading", { level: 1 })).toHaveText("Tidewater ID does not answer");
      await looksRight(alice.page, javaScriptEnabled);
      await alice.follow(() => alice.page.getByRole("link", { name: "Sign in another way" }).click());
      expect(await alice.signIn()).toBe(200);
      await alice.isAt(HOME);
    });

    test("where sign-up is open, the provider's word or a letter makes an account", async ({
      start,
      provider,
      mailbox,
      visit,
      another,
    }) => {
      const server = await start({ LATCHKEY_SIGN_UP: "open" });
      const carol = visit(server);
      await carol.open("/sign-up");
      expect(await go(carol, provider, SSO, "carol")).toBe(200);
      const { page } = carol;
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("Create your account");
      await expect(page.getByRole("main")).toContainText("for carol@id.example");
      await expect(page.getByLabel("Your name")).toHaveValue("Carol");
      await looksRight(page, javaScriptEnabled);
      await carol.fill({ Organization: "Carol's Boats" });
      expect(await carol.press("Create account")).toBe(200);
      await carol.isAt(HOME);
      await carol.open(PROFILE);
      await expect(page.getByRole("link", { name: "Set password" })).toBeVisible();

      const dan = await another(server);
      await dan.open("/sign-in");
      await dan.follow(() => dan.page.getByRole("link", { name: "Sign up" }).click());
      await looksRight(dan.page, javaScriptEnabled);
      await dan.fill({ Email: "dan@boats.example" });
      expect(await dan.press("Send link")).toBe(200);
      await expect(dan.page.getByRole("heading", { level: 1 })).toHaveText("Check your email");
      const { link } = await mailbox.letter("dan@boats.example");
      expect(await dan.open(link)).toBe(200);
      await dan.fill({ "Your name": "Dan", Password: OTHER_PASSWORD, Organization: "Dan's Boats" });
      expect(await dan.press("Create account")).toBe(200);
      await dan.isAt(HOME);
      await dan.signOut();
      await dan.signIn("dan@boats.example", OTHER_PASSWORD);
      await dan.isAt(HOME);
      expect(server.audited()).toEqual([
        "organization.created",
        "sign_up.asked",
        "organization.created",
        "session.ended",
        "session.started",
      ]);
    });

    test("whoever is invited joins by a letter, with a password or by the provider", async ({
      start,
      provider,
      mailbox,
      visit,
      another,
    }) => {
      const server = await start();
      const alice = visit(server);
      await alice.setUp();
      await alice.open("/settings/members");
      await alice.fill({ "Invite people": "ingrid@tidewater.example, erik@tidewater.example" });
      expect(await alice.press("Invite")).toBe(200);
      await expect(alice.page.getByRole("main")).toContainText(
        "2 invites created. Each person gets an email with their link.",
      );

      const ingrid = await another(server);
      await ingrid.open((await mailbox.letter("ingrid@tidewater.example")).link);
      expect(await go(ingrid, provider, SSO, "ingrid")).toBe(200);
      await expect(ingrid.page.getByRole("heading", { level: 1 })).toHaveText(`Join ${OWNER.organization}`);
      await expect(ingrid.page.getByLabel("Your name")).toHaveValue("Ingrid");
      await looksRight(ingrid.page, javaScriptEnabled);
      expect(await ingrid.press("Create account and join")).toBe(200);
      await expect(ingrid.page.getByRole("button", { name: OWNER.organization })).toContainText(
        "You are a member",
      );

      const erik = await another(server);
      await erik.open((await mailbox.letter("erik@tidewater.example")).link);
      await looksRight(erik.page, javaScriptEnabled);
      await erik.fill({ "Your name": "Erik", Password: OTHER_PASSWORD });
      expect(await erik.press("Create account and join")).toBe(200);
      await erik.signOut();
      await erik.signIn("erik@tidewater.example", OTHER_PASSWORD);
      expect(server.audited()).toEqual([
        "organization.created",
        "member.invited",
        "member.invited",
        "member.joined",
        "member.joined",
        "session.ended",
        "session.started",
      ]);
    });

    test("a forgotten password is set anew by letter", async ({ start, mailbox, visit, another, watch }) => {
      const server = await start();
      await (await another(server)).setUp();
      const alice = visit(server);
      await alice.open("/sign-in");
      await alice.follow(() => alice.page.getByRole("link", { name: "Forgot password?" }).click());
      await looksRight(alice.page, javaScriptEnabled);
      watch.expect(422);
      await alice.fill({ Email: `${"a".repeat(65)}@tidewater.example` });
      expect(await alice.press("Send link")).toBe(422);
      await alice.isRefused("Email", /not an email address/);
      await alice.fill({ Email: OWNER.email });
      expect(await alice.press("Send link")).toBe(200);
      await expect(alice.page.getByRole("main")).toContainText(`If ${OWNER.email} has an account here`);
      const { link } = await mailbox.letter(OWNER.email);
      expect(await alice.open(link)).toBe(200);
      await alice.fill({ "New password": OTHER_PASSWORD });
      await alice.press("Set password");
      await alice.signIn(OWNER.email, OTHER_PASSWORD);
      await alice.isAt(HOME);
    });
  });
}

async function looksRight(page: Page, scripts: boolean): Promise<void> {
  expect.soft(await names(page)).toEqual([]);
  for (const width of [1440, 390, 320]) {
    await page.setViewportSize({ width, height: 900 });
    expect.soft(await overflow(page), `at ${width} px`).toEqual([]);
    if (scripts) expect.soft(await accessibility(page), `at ${width} px`).toEqual([]);
  }
  await page.setViewportSize({ width: 1280, height: 720 });
}
