// What people do with their account, each with and without scripts, on a server of their own: the audit log is compared
// whole.
import { readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { accessibility } from "../support/checks.ts";
import { HOME, OWNER, PASSWORD, PROFILE, type Visitor } from "../support/people.ts";
import { expect, test } from "../support/test.ts";
import { codeAt, stepNow } from "../support/totp.ts";
import { get } from "../support/wire.ts";

const OTHER_PASSWORD = "harbour lamp under quiet rain";
const WRONG_SIGN_IN = /That email and password don't match/;
const toast = (page: Page) => page.getByRole("status").filter({ hasText: /\S/ });

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with scripts" : "without scripts", () => {
    test.use({ javaScriptEnabled });

    test("the printed link makes the first account, once", async ({ serve, visit, watch }) => {
      const server = await serve();
      const alice = visit(server);
      const link = server.setupLink;
      expect(await alice.open(link)).toBe(200);
      await expect(alice.page.getByLabel("Your name")).toBeFocused();
      await alice.fill({ "Your name": OWNER.name, Email: OWNER.email, Password: "short" });
      await alice.fill({ Organization: OWNER.organization });
      watch.expect(422);
      expect(await alice.press("Create account and organization")).toBe(422);
      await alice.isRefused("Password", /at least 12 characters/);
      await expect(alice.page.getByLabel("Your name")).toHaveValue(OWNER.name);
      await expect(alice.page.getByLabel("Email")).toHaveValue(OWNER.email);
      await expect(alice.page.getByLabel("Organization")).toHaveValue(OWNER.organization);
      await expect(alice.page.getByLabel("Password", { exact: true })).toHaveValue("");

      await alice.fill({ Password: PASSWORD });
      expect(await alice.press("Create account and organization")).toBe(200);
      await alice.isAt(HOME);
      await expect(alice.page.getByRole("button", { name: OWNER.organization })).toContainText(
        "You are an owner",
      );
      await alice.open("/");
      await alice.isAt(HOME);
      watch.expect(404, link);
      expect(await alice.open(link)).toBe(404);
      await expect(alice.page.getByRole("heading", { level: 1 })).toHaveText("Not found");
      expect(server.audited()).toEqual(["organization.created"]);
    });

    test("whoever signs in gets to where they were going", async ({ serve, visit, watch }) => {
      const server = await serve();
      const alice = visit(server);
      await alice.setUp();
      await alice.signOut();
      await alice.open("/");
      await alice.isAt("/sign-in");

      const wanted = `${PROFILE}/password?from=a%20letter`;
      await alice.open(wanted);
      await alice.isAt(`/sign-in?next=${encodeURIComponent(wanted)}`);
      await expect(alice.page.getByLabel("Email")).toBeFocused();
      watch.expect(422);
      expect(await alice.signIn(OWNER.email, "not the password")).toBe(422);
      await alice.isRefused("Password", WRONG_SIGN_IN);
      await expect(alice.page.getByLabel("Email")).toHaveValue(OWNER.email);
      await expect(alice.page.getByLabel("Password", { exact: true })).toHaveValue("");
      // The summary leads to the field.
      await alice.page.getByLabel("Email").focus();
      await alice.page.getByRole("alert").getByRole("link", { name: WRONG_SIGN_IN }).click();
      await expect(alice.page.getByLabel("Password", { exact: true })).toBeFocused();

      expect(await alice.signIn()).toBe(200);
      await alice.isAt(wanted);
      expect(server.audited()).toEqual([
        "organization.created",
        "session.ended",
        "session.refused",
        "session.started",
      ]);
    });

    test("a name is changed, and the page says so once", async ({ serve, visit, watch }) => {
      const server = await serve();
      const alice = visit(server);
      await alice.setUp();
      watch.expect(422);
      await alice.fill({ Name: "Alice\u202e" });
      expect(await alice.press("Save name")).toBe(422);
      await alice.isRefused("Name", /cannot be seen/);

      await alice.fill({ Name: "  Алиса 👩 Марш " });
      expect(await alice.press("Save name")).toBe(200);
      await expect(toast(alice.page)).toContainText("Name saved.");
      await expect(alice.page.getByLabel("Name", { exact: true })).toHaveValue("Алиса 👩 Марш");
      await expect(alice.menu()).toContainText("Алиса 👩 Марш");
      await alice.open(PROFILE);
      await expect(toast(alice.page)).toHaveCount(0);
      expect(server.audited()).toEqual(["organization.created", "person.renamed"]);
    });

    test("a new password signs every other browser out", async ({ serve, visit, another, watch }) => {
      const server = await serve();
      const [here, there] = [visit(server), await another(server)];
      await here.setUp();
      await there.signIn();
      await there.isAt(HOME);

      watch.expect(422);
      await here.open(PROFILE);
      await here.follow(() => here.page.getByRole("link", { name: "Change password" }).click());
      await here.fill({ "Current password": "not the password", "New password": OTHER_PASSWORD });
      expect(await here.press("Change password")).toBe(422);
      await here.isRefused("Current password", /not your current password/);
      await here.fill({ "Current password": PASSWORD, "New password": "password1234" });
      expect(await here.press("Change password")).toBe(422);
      await here.isRefused("New password", /attackers try first/);
      expect(await there.isSignedIn()).toBe(true);
      await here.fill({ "Current password": PASSWORD, "New password": OTHER_PASSWORD });
      expect(await here.press("Change password")).toBe(200);
      await here.isAt(PROFILE);
      await expect(toast(here.page)).toContainText("Password changed. All other sessions were signed out.");

      expect(await there.isSignedIn()).toBe(false);
      expect(await there.signIn()).toBe(422);
      await there.signIn(OWNER.email, OTHER_PASSWORD);
      await there.isAt(PROFILE);
      expect(await here.isSignedIn()).toBe(true);
      expect(server.audited()).toEqual([
        "organization.created",
        "session.started",
        "password.refused",
        "password.changed",
        "session.refused",
        "session.started",
      ]);
    });

    test("a second factor is set up, asked for, and turned off", async ({ serve, visit, watch }) => {
      const server = await serve();
      const alice = visit(server);
      const { page } = alice;
      await alice.setUp();
      await alice.follow(() => page.getByRole("link", { name: "Set up" }).click());
      await expect(page.getByRole("img", { name: /QR code/ })).toBeVisible();
      await expect(page.getByRole("link", { name: "Open in an authenticator app" })).toHaveAttribute(
        "href",
        /^otpauth:\/\/totp\/.*secret=/,
      );
      const secret = await page.getByText(/^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$/).innerText();
      const code = "Code that the app shows now";

      watch.expect(422);
      await alice.fill({ [code]: "no code", "Your password": PASSWORD });
      expect(await alice.press("Turn on")).toBe(422);
      await alice.isRefused(code, /code is wrong/);
      expect(await page.getByText(secret).count(), "the same secret is offered again").toBe(1);
      const step = stepNow();
      await alice.fill({ [code]: codeAt(secret, step), "Your password": PASSWORD });
      expect(await alice.press("Turn on")).toBe(200);
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("Second factor is on");
      const recovery = await page.locator("#recovery-codes li").allInnerTexts();
      expect(recovery).toHaveLength(10);
      expect(new Set(recovery).size).toBe(10);
      for (const one of recovery) expect(one).toMatch(/^([a-z0-9]{5}-){3}[a-z0-9]{5}$/);
      const [file] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name: "Download" }).click(),
      ]);
      expect(file.suggestedFilename()).toBe("latchkey-recovery-codes.txt");
      const lines = readFileSync(await file.path(), "utf8").split("\n");
      expect(lines).toEqual(expect.arrayContaining(recovery));
      await alice.follow(() => page.getByRole("link", { name: "I've saved them" }).click());
      await expect(page.getByRole("main")).toContainText("On. 10 recovery codes are left.");

      // The code that was used for setting up is spent; the server takes the one after it already.
      await alice.signOut();
      expect(await alice.signIn()).toBe(200);
      await alice.isAt("/sign-in/second-factor?next=%2F");
      await expect(page.getByLabel("Code")).toBeFocused();
      await alice.fill({ Code: codeAt(secret, step) });
      expect(await alice.press("Sign in")).toBe(422);
      await alice.isRefused("Code", /wrong or was used already/);
      await alice.fill({ Code: codeAt(secret, step + 1) });
      expect(await alice.press("Sign in")).toBe(200);
      await alice.isAt(HOME);

      await alice.signOut();
      await alice.signIn();
      const [first = ""] = recovery;
      await alice.fill({ Code: first.replace("-", " ").toUpperCase() });
      expect(await alice.press("Sign in")).toBe(200);
      await alice.isAt(HOME);
      await alice.open(PROFILE);
      await expect(page.getByRole("main")).toContainText("On. 9 recovery codes are left.");

      await alice.follow(() => page.getByRole("link", { name: "New recovery codes" }).click());
      const [, second = ""] = recovery;
      await alice.fill({ "Your password": PASSWORD, Code: second });
      expect(await alice.press("Create new codes")).toBe(200);
      const fresh = await page.locator("#recovery-codes li").allInnerTexts();
      expect(fresh.filter((one) => recovery.includes(one))).toEqual([]);

      await alice.open(PROFILE);
      await alice.follow(() => page.getByRole("link", { name: "Turn off" }).click());
      const [other = ""] = fresh;
      await alice.fill({ "Your password": PASSWORD, Code: other });
      expect(await alice.press("Turn off")).toBe(200);
      await alice.isAt(PROFILE);
      await expect(toast(page)).toContainText("Second factor is off.");
      await alice.signOut();
      await alice.signIn();
      await alice.isAt(HOME);
      expect(server.audited()).toEqual([
        "organization.created",
        "second_factor.added",
        "session.ended",
        "session.refused",
        "session.started",
        "session.ended",
        "session.started",
        "recovery_codes.replaced",
        "second_factor.removed",
        "session.ended",
        "session.started",
      ]);
    });

    test("sessions are listed and ended", async ({ serve, visit, another }) => {
      const server = await serve();
      const firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";
      const safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1";
      const here = visit(server);
      const desk = await another(server, { userAgent: firefox });
      const phone = await another(server, { userAgent: safari });
      await here.setUp();
      await desk.signIn();
      await phone.signIn();

      await here.open(PROFILE);
      const list = here.page.getByRole("region", { name: "Sessions" }).getByRole("listitem");
      await expect(list).toHaveCount(3);
      await expect(list.filter({ hasText: "This browser" })).toHaveCount(1);
      await expect(list.filter({ hasText: "Safari on iPhone" })).toHaveCount(1);
      const theirs = list.filter({ hasText: "Firefox on Windows" });
      await here.follow(() => theirs.getByRole("button", { name: "Sign out" }).click());
      await expect(toast(here.page)).toContainText("The session was signed out.");
      await expect(list).toHaveCount(2);
      expect(await desk.isSignedIn()).toBe(false);
      expect(await phone.isSignedIn()).toBe(true);

      await desk.signIn();
      await here.open(PROFILE);
      await here.press("Sign out all others");
      await expect(toast(here.page)).toContainText("All other sessions were signed out.");
      await expect(list).toHaveCount(1);
      await expect(here.page.getByRole("button", { name: "Sign out all others" })).toHaveCount(0);
      expect(await desk.isSignedIn()).toBe(false);
      expect(await phone.isSignedIn()).toBe(false);

      await here.follow(() => list.getByRole("button", { name: "Sign out" }).click());
      await here.isAt("/sign-in");
      expect(server.audited()).toEqual([
        "organization.created",
        "session.started",
        "session.started",
        "session.ended",
        "session.started",
        "sessions.ended",
        "session.ended",
      ]);
    });

    test("the operator disables a person and lets them in again", async ({ serve, visit, watch }) => {
      const server = await serve();
      const alice = visit(server);
      await alice.setUp();
      expect(await server.admin("disable-user", OWNER.email)).toContain(`${OWNER.email} is disabled`);
      expect(await alice.isSignedIn()).toBe(false);
      watch.expect(422);
      expect(await alice.signIn()).toBe(422);
      await alice.isRefused("Password", WRONG_SIGN_IN);
      await server.admin("enable-user", OWNER.email);
      expect(await alice.isSignedIn(), "enabling brings no session back").toBe(false);
      await alice.signIn();
      await alice.isAt(PROFILE);
      expect(server.audited()).toEqual([
        "organization.created",
        "person.disabled",
        "session.refused",
        "person.enabled",
        "session.started",
      ]);
    });

    test("a reset link sets a new password, once", async ({ serve, visit, another, watch }) => {
      const server = await serve();
      const [alice, there] = [visit(server), await another(server)];
      await there.setUp();
      const link = (await server.admin("reset-password", OWNER.email)).split("\n")[0] ?? "";
      expect(await alice.open(link)).toBe(200);
      await expect(alice.page.getByRole("main")).toContainText(`for ${OWNER.email}`);
      expect(await there.isSignedIn(), "the link alone changes nothing").toBe(true);
      watch.expect(422);
      await alice.fill({ "New password": "short" });
      expect(await alice.press("Set password")).toBe(422);
      await alice.isRefused("New password", /at least 12 characters/);
      await alice.fill({ "New password": OTHER_PASSWORD });
      expect(await alice.press("Set password")).toBe(200);
      await alice.isAt("/sign-in");
      watch.expect(410, link);
      expect(await alice.open(link)).toBe(410);
      expect(await there.isSignedIn()).toBe(false);
      await alice.open("/sign-in");
      expect(await alice.signIn()).toBe(422);
      await alice.signIn(OWNER.email, OTHER_PASSWORD);
      await alice.isAt(HOME);
      expect(server.audited()).toEqual([
        "organization.created",
        "password.reset_link_made",
        "password.reset",
        "session.refused",
        "session.started",
      ]);
    });

    test("whoever guesses is told to wait", async ({ serve, visit, watch }) => {
      const server = await serve();
      const mallory = visit(server);
      watch.expect(422);
      for (let guess = 1; guess <= 10; guess += 1)
        expect(await mallory.signIn(OWNER.email, `guess number ${guess}`)).toBe(422);
      watch.expect(429);
      expect(await mallory.signIn(OWNER.email, "guess number 11")).toBe(429);
      await expect(mallory.page.getByRole("alert")).toContainText(/Too many tries. Wait 1[45] minutes/);
      await expect(mallory.page.getByLabel("Email")).toHaveValue(OWNER.email);
      // Wrong passwords that follow each other are counted, and written in one row after a minute.
      expect(server.audited()).toEqual(["session.refused", "attempts.slowed"]);
    });

    test("a theme is kept, and the first answer has it", async ({ serve, visit }) => {
      const server = await serve();
      const alice = visit(server);
      const { page } = alice;
      const answers: Promise<string>[] = [];
      page.on("response", (response) => {
        const isPage = response.request().isNavigationRequest() && response.status() < 300;
        if (isPage) answers.push(response.text().catch(() => ""));
      });
      const theme = async () => {
        const html = await answers.at(-1);
        return /<html[^>]*\sdata-theme="(\w+)"/.exec(html ?? "")?.[1] ?? "system";
      };
      const background = () =>
        page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
      const looks = page.getByRole("region", { name: "Appearance" });

      await alice.setUp();
      expect(await theme()).toBe("system");
      const light = await background();
      await alice.follow(() => looks.getByRole("button", { name: "Dark" }).click());
      await alice.isAt(PROFILE);
      expect(await theme()).toBe("dark");
      await expect(looks.getByRole("button", { name: "Dark" })).toHaveAttribute("aria-pressed", "true");
      const dark = await background();
      expect(dark).not.toBe(light);
      await alice.open(`${PROFILE}/password`);
      expect(await theme()).toBe("dark");
      await alice.signOut();
      expect(await theme()).toBe("dark");
      await alice.signIn();
      expect([await theme(), await background()]).toEqual(["dark", dark]);
      await alice.open(PROFILE);

      await page.emulateMedia({ colorScheme: "dark" });
      await alice.follow(() => looks.getByRole("button", { name: "Light" }).click());
      expect([await theme(), await background()]).toEqual(["light", light]);
      await alice.follow(() => looks.getByRole("button", { name: "System" }).click());
      expect([await theme(), await background()]).toEqual(["system", dark]);
    });

    test.describe("at home", () => {
      test("the sign-in page is used with the keyboard alone", async ({ home, visit }) => {
        const alice = visit(home.server);
        const { page } = alice;
        await alice.open("/sign-in");
        await expect(page.getByLabel("Email")).toBeFocused();
        const toggle = javaScriptEnabled ? ["Show password"] : [];
        const labels = ["Password", ...toggle, "Sign in"];
        for (const label of labels) {
          await page.keyboard.press("Tab");
          const field = page.getByLabel(label, { exact: true });
          await expect(field.or(page.getByRole("button", { name: label, exact: true }))).toBeFocused();
        }
        for (let back = 0; back <= labels.length; back += 1) await page.keyboard.press("Shift+Tab");
        await expect(page.getByRole("link", { name: "Latchkey" })).toBeFocused();
        await page.keyboard.press("Tab");
        await page.keyboard.type(OWNER.email);
        await page.keyboard.press("Tab");
        await page.keyboard.type(PASSWORD);
        await alice.follow(() => page.keyboard.press("Enter"));
        await alice.isAt(HOME);
      });

      test.describe("signed in", () => {
        test.use({ storageState: async ({ home }, use) => use(home.owner) });

        test("the first stop skips to the content", async ({ home, visit }) => {
          const alice = visit(home.server);
          const { page } = alice;
          await alice.open(PROFILE);
          await page.keyboard.press("Tab");
          const skip = page.getByRole("link", { name: "Skip to content" });
          await expect(skip).toBeFocused();
          await expect(skip).toBeInViewport({ ratio: 1 });
          await page.keyboard.press("Enter");
          await expect(page.getByRole("main")).toBeFocused();
          await page.keyboard.press("Tab");
          await expect(page.getByLabel("Name", { exact: true })).toBeFocused();
        });

        for (const [name, id, item] of [
          ["organizations", "org-menu", "New organization"],
          ["account", "account-menu", "Sign out"],
        ] as const) {
          test(`the menu of ${name} opens and closes by key`, async ({ home, visit }) => {
            const alice = visit(home.server);
            const { page } = alice;
            await alice.open(PROFILE);
            const menu = page.locator(`#${id}`);
            const opener = page.locator(`button[popovertarget=${id}]`);
            await expect(menu).toBeHidden();
            await opener.focus();
            await page.keyboard.press("Enter");
            await expect(menu).toBeVisible();
            await expect(menu.getByText(item)).toBeInViewport({ ratio: 1 });
            // Only the menu: what it covers cannot be pressed until it closes, and axe takes that for too small.
            if (javaScriptEnabled) expect(await accessibility(page, `#${id}`)).toEqual([]);
            await page.keyboard.press("Tab");
            await expect(menu.locator(":focus")).toHaveCount(1);
            await page.keyboard.press("Escape");
            await expect(menu).toBeHidden();
            await expect(opener).toBeFocused();
          });
        }

        test("on a phone the sidebar is a drawer", async ({ home, visit }) => {
          const alice = visit(home.server);
          const { page } = alice;
          await page.setViewportSize({ width: 390, height: 844 });
          await alice.open(PROFILE);
          const drawer = page.locator("#nav");
          const opener = page.getByRole("button", { name: "Menu" });
          await expect(drawer).toBeHidden();
          await opener.click();
          await expect(drawer).toBeInViewport();
          await expect(alice.menu()).toBeInViewport({ ratio: 1 });
          if (javaScriptEnabled) expect(await accessibility(page)).toEqual([]);
          await page.keyboard.press("Escape");
          await expect(drawer).toBeHidden();
          await expect(opener).toBeFocused();
          await opener.click();
          await expect(drawer).toBeInViewport();
          await page.mouse.click(385, 500);
          await expect(drawer).toBeHidden();
          // A menu inside of the drawer leaves it open.
          await opener.click();
          await alice.menu().click();
          await expect(page.locator("#account-menu")).toBeInViewport({ ratio: 1 });
          await expect(drawer).toBeInViewport();
        });
      });
    });
  });
}

test("private pages are not kept by the browser or on the way", async ({ home }) => {
  const cookies = home.guarded.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  for (const path of ["", "/password", "/second-factor/off", "/recovery-codes"]) {
    const { status, headers } = await get(home.server.url + PROFILE + path, {
      accept: "text/html",
      cookie: cookies,
    });
    expect([status, headers["cache-control"]], path).toEqual([200, "no-store"]);
  }
});

test.describe("a form that was sent", () => {
  /** Holds the posts of the page back; the returned function lets them go. */
  async function hold(visitor: Visitor): Promise<{ posts: string[]; release: () => void }> {
    const posts: string[] = [];
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    await visitor.page.route("**/*", async (route) => {
      if (route.request().method() === "POST") {
        posts.push(route.request().url());
        await released;
      }
      await route.continue();
    });
    return { posts, release };
  }

  const BUTTON = "main form button[type=submit]";
  const face = (page: Page) =>
    page
      .locator(BUTTON)
      .first()
      .evaluate((button) => [button.textContent, button.getAttribute("aria-disabled")]);

  /** What happens to the page's button from now on. The page tells, as nothing can be asked while another is on its way. */
  async function listen(page: Page): Promise<string[]> {
    const heard: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "debug") heard.push(message.text());
    });
    await page.evaluate((selector) => {
      const button = document.querySelector(selector);
      if (!button) throw new Error("there is no button");
      addEventListener("submit", (event) => console.debug(event.defaultPrevented ? "stopped" : "sent"));
      new MutationObserver(() =>
        console.debug(`${button.textContent} disabled=${button.getAttribute("aria-disabled")}`),
      ).observe(button, { subtree: true, childList: true, characterData: true });
    }, BUTTON);
    return heard;
  }

  async function click(page: Page, box: { x: number; y: number; width: number; height: number } | null) {
    if (!box) throw new Error("there is no button");
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  }

  test("says so, and is not sent twice", async ({ serve, visit, watch }) => {
    const server = await serve();
    const alice = visit(server);
    const { page } = alice;
    await alice.open("/sign-in");
    const { posts, release } = await hold(alice);
    await alice.fill({ Email: OWNER.email, Password: "not the password" });
    const box = await page.locator(BUTTON).boundingBox();
    const heard = await listen(page);
    watch.expect(422);
    const status = await alice.follow(async () => {
      await click(page, box);
      await expect.poll(() => heard).toEqual(["Signing in… disabled=true", "sent"]);
      await click(page, box);
      await page.keyboard.press("Enter");
      await page.keyboard.press("Space");
      await expect.poll(() => heard.slice(2)).toEqual(["stopped", "stopped", "stopped"]);
      release();
    });
    expect(status).toBe(422);
    expect(posts).toHaveLength(1);
    expect(server.audited()).toEqual(["session.refused"]);

    // The browser's Back: the page is as it was before.
    await alice.follow(() => page.goBack());
    expect(await face(page)).toEqual(["Sign in", null]);
    expect(await alice.signIn(OWNER.email, "not the password either")).toBe(422);
    expect(posts).toHaveLength(2);
  });

  test("says what it does in the words of its button", async ({ home, another }) => {
    const alice = await another(home.server, { storageState: home.owner });
    const { page } = alice;
    await alice.open(PROFILE);
    const { posts, release } = await hold(alice);
    const box = await page.getByRole("button", { name: "Save name" }).boundingBox();
    const heard = await listen(page);
    await alice.follow(async () => {
      await click(page, box);
      await expect.poll(() => heard).toEqual(["Saving… disabled=true", "sent"]);
      release();
    });
    expect(await face(page)).toEqual(["Save name", null]);
    expect(posts).toHaveLength(1);
  });
});

test("a typed password is shown on request, and hidden before it is sent", async ({ serve, visit }) => {
  const server = await serve();
  const alice = visit(server);
  const { page } = alice;
  await alice.open(server.setupLink);
  const password = page.getByLabel("Password", { exact: true });
  await password.fill(PASSWORD);
  const show = page.getByRole("button", { name: "Show password" });
  await expect(show).toHaveAttribute("aria-pressed", "false");
  await password.focus();
  await page.keyboard.press("Tab");
  await expect(show).toBeFocused();
  await page.keyboard.press("Space");
  const hide = page.getByRole("button", { name: "Hide password" });
  await expect(hide).toBeFocused();
  await expect(hide).toHaveAttribute("aria-pressed", "true");
  await expect(password).toHaveAttribute("type", "text");
  await expect(password).toHaveValue(PASSWORD);
  await hide.click();
  await expect(password).toHaveAttribute("type", "password");
  await show.click();
  await alice.fill({ "Your name": OWNER.name, Email: OWNER.email, Organization: OWNER.organization });
  await page.evaluate(() => {
    addEventListener("submit", (event) => {
      event.preventDefault();
      const field = document.querySelector("[name=password]");
      document.title = `sent as ${field?.getAttribute("type")}`;
    });
  });
  await page.getByRole("button", { name: "Create account and organization" }).click();
  await expect(page).toHaveTitle("sent as password");
});

test.describe("without scripts", () => {
  test.use({ javaScriptEnabled: false });

  test("no password field has a button", async ({ serve, visit }) => {
    const server = await serve();
    const alice = visit(server);
    await alice.open("/sign-in");
    await expect(alice.page.getByRole("button", { name: "Show password" })).toHaveCount(0);
  });
});
