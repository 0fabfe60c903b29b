// An app that logs in through the browser, as MCP clients do: it registers itself, listens for the answer, and redeems the code.
import { createHash, randomBytes } from "node:crypto";
import { createServer, type Server as Listener } from "node:http";
import type { AddressInfo } from "node:net";
import type { Server } from "./server.ts";

export interface Answer {
  status: number;
  body: Record<string, string | number>;
}

async function post(url: string, body: URLSearchParams | string): Promise<Answer> {
  const headers: Record<string, string> =
    typeof body === "string" ? { "content-type": "application/json" } : {};
  const answer = await fetch(url, { method: "POST", body, headers });
  return { status: answer.status, body: (await answer.json()) as Answer["body"] };
}

export class App {
  private readonly verifier = randomBytes(32).toString("base64url");
  readonly state = randomBytes(8).toString("hex");

  private constructor(
    private readonly server: Server,
    readonly id: string,
    readonly redirect: string,
  ) {}

  static async register(
    server: Server,
    redirect = "http://127.0.0.1:53682/callback",
    name = "Claude Code",
  ): Promise<App> {
    const body = JSON.stringify({ client_name: name, redirect_uris: [redirect] });
    const answer = await post(`${server.url}/oauth/register`, body);
    if (answer.status !== 201) throw new Error(`not registered: ${JSON.stringify(answer)}`);
    return new App(server, String(answer.body["client_id"]), redirect);
  }

  /** The address of the consent page, with some parameters changed. */
  address(changes: Record<string, string> = {}): string {
    const query = new URLSearchParams({
      response_type: "code",
      client_id: this.id,
      redirect_uri: this.redirect,
      state: this.state,
      scope: "member",
      code_challenge: createHash("sha256").update(this.verifier).digest("base64url"),
      code_challenge_method: "S256",
      resource: `${this.server.url}/api/mcp`,
      ...changes,
    });
    return `${this.server.url}/oauth/authorize?${query.toString()}`;
  }

  redeem(code: string): Promise<Answer> {
    return this.token({
      grant_type: "authorization_code",
      code,
      redirect_uri: this.redirect,
      code_verifier: this.verifier,
    });
  }

  refresh(refresh_token: string): Promise<Answer> {
    return this.token({ grant_type: "refresh_token", refresh_token });
  }

  private token(fields: Record<string, string>): Promise<Answer> {
    return post(`${this.server.url}/oauth/token`, new URLSearchParams({ ...fields, client_id: this.id }));
  }
}

/** Listens on a port of this computer for the answer of the browser. */
export class Callback {
  private constructor(
    private readonly listener: Listener,
    readonly url: string,
  ) {}

  static async start(): Promise<Callback> {
    const listener = createServer((request, response) => {
      response.setHeader("content-type", "text/html; charset=utf-8");
      if (request.url === "/favicon.ico") response.statusCode = 204;
      response.end(
        request.url === "/favicon.ico" ? "" : "<!doctype html><title>App</title><h1>Back in the app</h1>",
      );
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    return new Callback(listener, `http://127.0.0.1:${(listener.address() as AddressInfo).port}/callback`);
  }

  async stop(): Promise<void> {
    this.listener.closeAllConnections();
    await new Promise((resolve) => this.listener.close(resolve));
  }
}
