// An identity provider as teams run one: the OpenID-certified `oidc-provider`, on another site than the server (another
// name of this machine), with one page of its own that asks who it is.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";
import OidcProvider from "oidc-provider";
import type { Variables } from "./server.ts";

const CLIENT = "latchkey";
const SECRET = "open sesame, 100 %";

/** What it knows about everybody: their login is what their address begins with. */
const email = (login: string) => `${login}@id.example`;

export class Provider {
  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(): Promise<Provider> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Provider(server, `http://localhost:${(server.address() as AddressInfo).port}`);
  }

  /** Registers the server under test, as its operator does. */
  register(origin: string): void {
    const oidc = new OidcProvider(this.url, {
      clients: [
        {
          client_id: CLIENT,
          client_secret: SECRET,
          redirect_uris: [`${origin}/auth/sso/callback`],
          response_types: ["code"],
          grant_types: ["authorization_code"],
        },
      ],
      claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
      cookies: { keys: ["one"] },
      features: { devInteractions: { enabled: false } },
      pkce: { required: () => true },
      findAccount: (_context: unknown, login: string) => ({
        accountId: login,
        claims: () => ({
          sub: login,
          name: login[0]?.toUpperCase() + login.slice(1),
          email: email(login),
          email_verified: login !== "unverified",
        }),
      }),
    });
    const protocol = oidc.callback();
    this.server.on("request", (request, response) => {
      if (request.url?.startsWith("/interaction/")) void interact(oidc, request, response);
      else protocol(request, response);
    });
  }

  get settings(): Variables {
    return {
      LATCHKEY_OIDC_ISSUER: this.url,
      LATCHKEY_OIDC_CLIENT_ID: CLIENT,
      LATCHKEY_OIDC_CLIENT_SECRET: SECRET,
      LATCHKEY_OIDC_NAME: "Tidewater ID",
    };
  }

  /** Says who it is on the provider's page, or that nobody wants to come in. */
  async answer(page: Page, login: string | null): Promise<void> {
    await page.waitForURL(`${this.url}/interaction/**`);
    if (login === null) return page.getByRole("button", { name: "Cancel" }).click();
    await page.getByLabel("Login").fill(login);
    await page.getByRole("button", { name: "Go on" }).click();
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const FORM = `<!doctype html><html lang="en"><title>Tidewater ID</title><link rel="icon" href="data:,">
<form method="post"><label>Login <input name="login"></label>
<button name="deed" value="go">Go on</button><button name="deed" value="no">Cancel</button></form>`;

async function interact(oidc: OidcProvider, request: IncomingMessage, response: ServerResponse) {
  const { params } = await oidc.interactionDetails(request, response);
  if (request.method !== "POST") {
    response.setHeader("content-type", "text/html; charset=utf-8");
    return response.end(FORM);
  }
  let body = "";
  for await (const part of request) body += String(part);
  const form = new URLSearchParams(body);
  if (form.get("deed") === "no")
    return oidc.interactionFinished(request, response, { error: "access_denied" });
  const accountId = form.get("login") ?? "";
  const grant = new oidc.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const grantId = await grant.save();
  return oidc.interactionFinished(request, response, { login: { accountId }, consent: { grantId } });
}
