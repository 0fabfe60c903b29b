// The public API as programs call it: a key in each request, over connections that stay open.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { delimiter, join } from "node:path";
import type { Server } from "./server.ts";
import type { Answer } from "./wire.ts";

interface Request {
  method?: string;
  headers?: Record<string, string>;
  body?: string | undefined;
  /** Without one, the request has a connection of its own. */
  agent?: Agent;
}

/** Rejects where the connection ends before the whole answer is there. */
export function send(
  url: string,
  { method = "GET", headers = {}, body, agent }: Request = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, agent: agent ?? false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.once("error", reject);
      response.once("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    });
    asked.once("error", reject);
    asked.end(body);
  });
}

export class Client {
  private readonly agent: Agent;

  constructor(
    readonly server: Server,
    readonly key: string,
    connections = 8,
  ) {
    this.agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  /** The body is JSON, unless it is a text already. */
  call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = { authorization: `Bearer ${this.key}` },
  ): Promise<Answer> {
    const { port } = this.server;
    const sent = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
    const all = sent === body ? headers : { ...headers, "content-type": "application/json" };
    return send(`http://127.0.0.1:${port}${path}`, { method, headers: all, body: sent, agent: this.agent });
  }

  close(): void {
    this.agent.destroy();
  }
}

export interface Seeded {
  org: string;
  /** The token of an owner's key that does not expire. */
  key: string;
}

/** Puts an organization with its first keys into the server's database, as the benches do. */
export function seed(server: Server): Seeded {
  const tokens = join(server.folder, "tokens.txt");
  const words = [join(import.meta.dirname, "../bench/seed.py"), server.database.url];
  const path = [process.env["LATCHKEY_TEST_PG_BIN"], process.env["PATH"]].filter(Boolean).join(delimiter);
  const org = execFileSync("python3", [...words, "--keys", "2", "--tokens", tokens], {
    encoding: "utf8",
    env: { ...process.env, PATH: path },
  });
  server.database.run("UPDATE keys SET role = 'owner'");
  // Every third key expires, the first of them included.
  const key = readFileSync(tokens, "utf8").split("\n")[1];
  rmSync(tokens);
  if (!key) throw new Error("nothing was seeded");
  return { org: org.trim(), key };
}
