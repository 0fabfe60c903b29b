// nginx and Caddy with the very lines that README recommends, in front of a service that reports what reaches it.
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server as HttpServer } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { program } from "./program.ts";
import { freePort, newFolder, type Server } from "./server.ts";

const README = join(import.meta.dirname, "../../README.md");
const START_MS = 10_000;
const ATTEMPTS = 5;

export const PROXIES = ["nginx", "caddy"] as const;
export type Kind = (typeof PROXIES)[number];

/** The only code block of README in a language. */
export function recipe(language: string): string {
  const blocks = readFileSync(README, "utf8").matchAll(
    new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"),
  );
  const [block, ...more] = [...blocks].map((match) => match[1]);
  if (!block || more.length)
    throw new Error(`README has ${more.length + (block ? 1 : 0)} blocks of ${language}`);
  return block;
}

/** Replaces a text that must be there. */
function put(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`the recipe does not contain ${from}:\n${text}`);
  return text.replaceAll(from, to);
}

/** What a proxy stands in front of. */
export interface Upstream {
  latchkey: Server;
  service: Service;
  org: string;
  /** The lines of a page instead of those of README. They name the server and the organization already. */
  lines?: string;
}

export interface Received {
  method: string;
  url: string;
  /** Name and value of every header, as they came. */
  headers: [string, string][];
  body: string;
}

/** The service behind the proxy. `/status/418` answers with that status. */
export class Service {
  readonly received: Received[] = [];
  port = 0;
  private readonly http: HttpServer;

  private constructor() {
    this.http = createServer((request, response) => {
      void read(request).then((received) => {
        this.received.push(received);
        const status = Number(/^\/status\/(\d+)/.exec(received.url)?.[1] ?? 200);
        response.writeHead(status, { "content-type": "text/plain" }).end("from the service");
      });
    });
  }

  static async start(): Promise<Service> {
    const service = new Service();
    await new Promise<void>((resolve) => service.http.listen(0, "127.0.0.1", resolve));
    const address = service.http.address();
    service.port = typeof address === "object" && address ? address.port : 0;
    return service;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.http.close(resolve));
    this.http.closeAllConnections();
    await closed;
  }
}

async function read(request: IncomingMessage): Promise<Received> {
  let body = "";
  for await (const part of request.setEncoding("utf8")) body += part;
  const raw = request.rawHeaders;
  const headers = raw.flatMap((name, at): [string, string][] => (at % 2 ? [] : [[name, raw[at + 1] ?? ""]]));
  return { method: request.method ?? "", url: request.url ?? "", headers, body };
}

export class ReverseProxy {
  private readonly folder = newFolder();
  private readonly child: ChildProcess;
  private readonly ended: Promise<unknown>;
  log = "";

  private constructor(
    kind: Kind,
    readonly port: number,
    upstream: Upstream,
  ) {
    const [file, words] = (kind === "nginx" ? nginx : caddy)(this.folder, port, upstream);
    const home = { HOME: this.folder, XDG_DATA_HOME: this.folder, XDG_CONFIG_HOME: this.folder };
    const child = spawn(file, words, { cwd: this.folder, env: home, stdio: ["ignore", "pipe", "pipe"] });
    const killWithUs = () => child.kill("SIGKILL");
    process.once("exit", killWithUs);
    this.ended = new Promise((resolve, reject) => child.once("close", resolve).once("error", reject));
    child.once("close", () => process.off("exit", killWithUs));
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (this.log += text));
    this.child = child;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  static async start(kind: Kind, upstream: Upstream): Promise<ReverseProxy> {
    for (let attempt = 1; ; attempt += 1) {
      const proxy = new ReverseProxy(kind, await freePort(), upstream);
      if (await proxy.becomesReady()) return proxy;
      await proxy.stop();
      // Another program may have taken the free port.
      if (attempt === ATTEMPTS) throw new Error(`${kind} did not start:\n${proxy.log}`);
    }
  }

  private get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  private async becomesReady(): Promise<boolean> {
    const deadline = Date.now() + START_MS;
    while (this.isRunning && Date.now() < deadline) {
      const accepts = await new Promise<boolean>((resolve) => {
        const socket = connect(this.port, "127.0.0.1");
        socket.once("error", () => resolve(false));
        socket.once("connect", () => {
          socket.destroy();
          resolve(true);
        });
      });
      if (accepts) return this.isRunning;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return false;
  }

  async stop(): Promise<void> {
    if (this.isRunning) this.child.kill("SIGTERM");
    await this.ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** README's lines with the address of the server and the organization, unless there are others. */
function filled(language: string, { latchkey, org, lines }: Upstream): string {
  if (lines) return lines;
  const block = put(recipe(language), "127.0.0.1:3000", `127.0.0.1:${latchkey.port}`);
  return put(block, "ORGANIZATION", org);
}

function nginx(folder: string, port: number, upstream: Upstream): [string, string[]] {
  const block = filled("nginx", upstream);
  const { service } = upstream;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const config = `
    daemon off;
    # One process: its end is the end of all.
    master_process off;
    pid ${folder}/nginx.pid;
    error_log stderr;
    events {}
    http {
      access_log off;
      ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n")}
      upstream my_service { server 127.0.0.1:${service.port}; }
      server {
        listen 127.0.0.1:${port};
        ${block}
      }
    }`;
  writeFileSync(join(folder, "nginx.conf"), config);
  return [program("nginx"), ["-e", "stderr", "-p", folder, "-c", join(folder, "nginx.conf")]];
}

function caddy(folder: string, port: number, upstream: Upstream): [string, string[]] {
  const { service } = upstream;
  let block = put(filled("caddyfile", upstream), "my_service:8080", `127.0.0.1:${service.port}`);
  block = put(block, "api.example.com", `http://127.0.0.1:${port}`);
  writeFileSync(join(folder, "Caddyfile"), `{\n\tadmin off\n\tauto_https off\n}\n${block}`);
  return [program("caddy"), ["run", "--config", join(folder, "Caddyfile"), "--adapter", "caddyfile"]];
}
