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
    const [answer] = await Promise.all([
      this.page.waitForResponse(
        (response) =>
          response.request().isNavigationRequest() && (response.status() < 300 || response.status() >= 400),
      ),
      this.page.waitForEvent("load"),
      act(),
    ]);
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
    await this.press("Set up");
    await this.isAt(PROFILE);
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
/** Belongs to no organization. */
export const LONER = { name: "Lone Heron", email: "heron@elsewhere.example" };

/** The owner makes the organization by the form. The others cannot come in by a page of this server yet. */
export async function settle(engine: Engine, browser: Browser): Promise<Home> {
  const server = await Server.start(engine);
  const enter = async (go: (visitor: Visitor) => Promise<void>): Promise<State> => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    await go(new Visitor(await context.newPage(), server, false));
    const state = await context.storageState();
    await context.close();
    return state;
  };
  const owner = await enter((visitor) => visitor.setUp());
  const person = (id: string, { name, email }: { name: string; email: string }) =>
    `INSERT INTO users (id, email, email_key, name, password_hash, epoch, created_at)
     SELECT '${id}', '${email}', '${email}', '${name}', password_hash, epoch, created_at
     FROM users WHERE email_key = '${OWNER.email}';`;
  server.database.run(`
    ${person("guarded", GUARDED)}
    ${person("loner", LONER)}
    INSERT INTO memberships (org_id, user_id, role, created_at)
    SELECT id, 'guarded', 'member', created_at FROM organizations;
    INSERT INTO second_factors (user_id, secret, last_step, created_at)
    VALUES ('guarded', '${GUARDED.secret}', 0, 0);`);
  const guarded = await enter(async (visitor) => {
    await visitor.signIn(GUARDED.email);
    await visitor.fill({ Code: codeAt(GUARDED.secret, stepNow()) });
    await visitor.press("Sign in");
    await visitor.isAt(PROFILE);
  });
  const loner = await enter(async (visitor) => {
    await visitor.signIn(LONER.email);
    await expect(visitor.page.getByRole("main")).toContainText("You belong to no organization here");
  });
  return { server, owner, guarded, loner };
}
