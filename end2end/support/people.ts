// People who use the server: `Visitor` drives the pages as they do, `Home` is a server with people on it, made once a
// worker for tests that change nothing about them.
import { type Browser, expect, type Page } from "@playwright/test";
import type { Engine } from "./database.ts";
import { hydrated } from "./hydration.ts";
import { Server } from "./server.ts";
import { codeAt, stepNow } from "./totp.ts";

export const PASSWORD = "tide water marsh lantern";
export const OWNER = {
  name: "Alice Marsh",
  email: "alice@tidewater.example",
  organization: "Tidewater Freight",
};
export const PROFILE = "/settings/profile";
/** Where signing in leads to when nothing else was asked for. */
export const HOME = "/overview";

/** A browser's page with somebody in front of it. */
export class Visitor {
  constructor(
    readonly page: Page,
    readonly server: Server,
    private readonly scripts: boolean,
  ) {}

  /** Opens an address and waits until the page is ready; answers with its status. */
  async open(path: string): Promise<number> {
    const answer = await this.page.goto(new URL(path, this.server.url).href);
    await this.ready();
    return answer?.status() ?? 0;
  }

  /** Does what leads to another page, or to the same one anew, and waits for it; answers with its status. */
  async follow(act: () => Promise<unknown>): Promise<number> {
    let arrived = false;
    const [answer] = await Promise.all([
      this.page.waitForResponse((response) => {
        const status = response.status();
        const leadsOn = (status >= 300 && status < 400) || "refresh" in response.headers();
        arrived ||= response.request().isNavigationRequest() && !leadsOn;
        return arrived;
      }),
      this.page.waitForEvent("framenavigated", () => arrived),
      act(),
    ]);
    await this.page.waitForLoadState("load");
    await this.ready();
    return answer.status();
  }

  /** Presses the button, which is the only one of that name. */
  press(name: string): Promise<number> {
    return this.follow(() => this.page.getByRole("button", { name, exact: true }).click());
  }

  async fill(fields: Record<string, string>): Promise<void> {
    for (const [label, value] of Object.entries(fields))
      await this.page.getByLabel(label, { exact: true }).fill(value);
  }

  async ready(): Promise<void> {
    if (this.scripts) await hydrated(this.page);
  }

  async isAt(path: string): Promise<void> {
    await expect(this.page).toHaveURL(new URL(path, this.server.url).href);
  }

  async setUp(): Promise<void> {
    await this.open(this.server.setupLink);
    await this.fill({
      "Your name": OWNER.name,
      Email: OWNER.email,
      Password: PASSWORD,
      Organization: OWNER.organization,
    });
    await this.press("Create account and organization");
    await this.isAt(HOME);
    await this.open(PROFILE);
  }

  /** Gives address and password on the sign-in page; what comes next depends on the person. */
  async signIn(email = OWNER.email, password = PASSWORD): Promise<number> {
    if (new URL(this.page.url(), this.server.url).pathname !== "/sign-in") await this.open("/sign-in");
    await this.fill({ Email: email, Password: password });
    return this.press("Sign in");
  }

  /** By the menu at the bottom of the sidebar. */
  async signOut(): Promise<void> {
    await this.menu().click();
    await this.follow(() =>
      this.page.getByLabel("Account", { exact: true }).getByRole("button", { name: "Sign out" }).click(),
    );
    await this.isAt("/sign-in");
  }

  menu() {
    return this.page.locator("button[popovertarget=account-menu]");
  }

  /** Signed out, the profile leads to the sign-in page. */
  async isSignedIn(): Promise<boolean> {
    await this.open(PROFILE);
    return new URL(this.page.url()).pathname === PROFILE;
  }

  /** The error beside a field that has the focus. */
  async isRefused(label: string, why: RegExp | string): Promise<void> {
    const field = this.page.getByLabel(label, { exact: true });
    await expect(field).toBeFocused();
    await expect(field).toHaveAttribute("aria-invalid", "true");
    await expect(field).toHaveAccessibleDescription(why);
    await expect(this.page.getByRole("alert")).toContainText(why);
  }
}

type State = Awaited<ReturnType<ReturnType<Page["context"]>["storageState"]>>;

/** Who can be signed in on the `Home`. */
export type Who = "owner" | "guarded" | "loner";

export interface Home extends Record<Who, State> {
  server: Server;
}

/** Has a second factor. */
export const GUARDED = {
  name: "Bob Reed",
  email: "bob@tidewater.example",
  secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
};
/** A code of theirs that is good now, even where the same one was used a moment ago. */
export function guardedCode(server: Server): string {
  server.database.run(`
    UPDATE second_factors SET last_step = 0
    WHERE user_id = (SELECT id FROM users WHERE email_key = '${GUARDED.email}');`);
  return codeAt(GUARDED.secret, stepNow());
}
/** Belongs to no organization. */
export const LONER = { name: "Lone Heron", email: "heron@elsewhere.example" };

/** Everything that a page can offer. Nobody listens at the provider's and the mail server's address. */
const OFFERS = {
  LATCHKEY_GITHUB_CLIENT_ID: "latchkey",
  LATCHKEY_GITHUB_CLIENT_SECRET: "secret",
  LATCHKEY_GOOGLE_CLIENT_ID: "latchkey",
  LATCHKEY_GOOGLE_CLIENT_SECRET: "secret",
  LATCHKEY_OIDC_ISSUER: "http://127.0.0.1:9",
  LATCHKEY_OIDC_CLIENT_ID: "latchkey",
  LATCHKEY_OIDC_CLIENT_SECRET: "secret",
  LATCHKEY_SMTP_URL: "smtp://127.0.0.1:9",
  LATCHKEY_MAIL_FROM: "Latchkey <keys@tidewater.example>",
  // Devices there are from anywhere, and many.
  LATCHKEY_TRUSTED_PROXIES: "127.0.0.1",
  LATCHKEY_DEVICE_CODES_PER_MINUTE: "1000",
  LATCHKEY_DEVICE_CODES_OPEN: "1000",
  LATCHKEY_DEVICE_WRONG_CODES_PER_PERSON: "1000",
  LATCHKEY_DEVICE_WRONG_CODES_PER_ADDRESS: "1000",
};

/** The owner makes the organization and invites the others, who join by their links; one is removed again. */
export async function settle(engine: Engine, browser: Browser): Promise<Home> {
  const server = await Server.start(engine, OFFERS);
  const enter = async (go: (visitor: Visitor) => Promise<void>): Promise<State> => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    await go(new Visitor(await context.newPage(), server, false));
    const state = await context.storageState();
    await context.close();
    return state;
  };
  const links: string[] = [];
  const owner = await enter(async (visitor) => {
    await visitor.setUp();
    await visitor.open("/settings/members");
    await visitor.fill({ "Invite people": `${GUARDED.email}, ${LONER.email}` });
    await visitor.press("Invite");
    links.push(...(await visitor.page.locator("#invite-links code").allInnerTexts()));
  });
  const join = (link: string | undefined, name: string) =>
    enter(async (visitor) => {
      await visitor.open(link ?? "");
      await visitor.fill({ "Your name": name, Password: PASSWORD });
      await visitor.press("Create account and join");
      await visitor.isAt(HOME);
    });
  const guarded = await join(links[0], GUARDED.name);
  const loner = await join(links[1], LONER.name);
  // Its secret is known to the tests.
  server.database.run(`
    INSERT INTO second_factors (user_id, secret, last_step, created_at)
    SELECT id, '${GUARDED.secret}', 0, 0 FROM users WHERE email_key = '${GUARDED.email}';
    DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE email_key = '${LONER.email}');`);
  return { server, owner, guarded, loner };
}
