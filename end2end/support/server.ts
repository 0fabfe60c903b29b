// The built server under test: started in a fresh folder on a free port with a clean environment, ended with SIGTERM.
// `Server.start` is for a server that should run, `runToEnd` for one that should refuse to.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createDatabase, type Database, type Engine } from "./database.ts";
import { get } from "./wire.ts";

const ROOT = join(import.meta.dirname, "../..");
const TARGET = process.env["CARGO_TARGET_DIR"] || join(ROOT, "target");
export const BINARY = process.env["LATCHKEY_TEST_BINARY"] || join(TARGET, "debug/latchkey");
const SITE = process.env["LATCHKEY_TEST_SITE"] || join(ROOT, "target/site");
const START_MS = 20_000;
const STOP_MS = 30_000;

export type Variables = Record<string, string>;

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A process with everything it says. Ended with this one, if nobody else did it. */
export class Process {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";
  running = true;
  private watchers: (() => void)[] = [];

  constructor(folder: string, variables: Variables) {
    if (!existsSync(BINARY)) throw new Error(`there is no ${BINARY}: run 'make test', which builds it`);
    this.child = spawn(BINARY, ["serve"], {
      cwd: folder,
      env: { PATH: process.env["PATH"], ...variables },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const killWithUs = () => this.child.kill("SIGKILL");
    process.once("exit", killWithUs);
    this.child.stdout
      ?.setEncoding("utf8")
      .on("data", (text: string) => this.hear(() => (this.stdout += text)));
    this.child.stderr
      ?.setEncoding("utf8")
      .on("data", (text: string) => this.hear(() => (this.stderr += text)));
    this.ended = new Promise((resolve, reject) => {
      this.child.once("error", reject);
      this.child.once("close", (code, signal) => {
        process.off("exit", killWithUs);
        this.hear(() => (this.running = false));
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  private hear(change: () => void): void {
    change();
    for (const watcher of this.watchers) watcher();
  }

  /** Waits until the process has said `text` on standard output. */
  async says(text: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const look = () => {
        if (this.stdout.includes(text)) resolve();
        else if (!this.running)
          reject(new Error(`ended without saying "${text}":\n${this.stdout}${this.stderr}`));
      };
      this.watchers.push(look);
      look();
    });
  }
}

export class Server {
  /** All that were started by this process. */
  static readonly started = new Set<Server>();

  port = 0;
  private variables: Variables = {};
  private process!: Process;
  /** What the processes before this one have written. */
  private said = "";

  private constructor(
    readonly folder: string,
    readonly database: Database,
    private readonly given: Variables,
  ) {}

  /** Starts a server and waits until it is ready. `variables` come on top of what every server here gets. */
  static async start(engine: Engine, variables: Variables = {}): Promise<Server> {
    const folder = newFolder();
    const server = new Server(folder, newDatabase(engine, folder), variables);
    await server.launch().catch((error: unknown) => {
      server.remove();
      throw error;
    });
    Server.started.add(server);
    return server;
  }

  /** Ends the process as the kernel does when memory runs out: nothing is finished, nothing is said. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.process.ended;
  }

  /** Starts a server that has ended again, on the same database. */
  async restart(): Promise<void> {
    this.said = this.log;
    await this.launch();
  }

  private async launch(): Promise<void> {
    // Another program may take the free port in the moment before the server does: then the next one.
    for (let attempt = 1; ; attempt += 1) {
      this.port = await freePort();
      this.variables = { ...settings(this.port, this.database.url), ...this.given };
      this.process = new Process(this.folder, this.variables);
      if (await this.becomesReady()) return;
      const { stderr, stdout } = await this.process.ended;
      if (!stderr.includes("is in use") || attempt === 5)
        throw new Error(`the server did not start:\n${stdout}${stderr}`);
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get isRunning(): boolean {
    return this.process.running;
  }

  /** What it has written so far. */
  get log(): string {
    return this.said + this.process.stdout + this.process.stderr;
  }

  says(text: string): Promise<void> {
    return this.process.says(text);
  }

  /** The link for the first account, as it was printed at the start. */
  get setupLink(): string {
    const link = /^ *(http\S+\/setup\?link=\S+)$/m.exec(this.process.stdout)?.[1];
    if (!link) throw new Error(`the server printed no setup link:\n${this.log}`);
    return link;
  }

  /** Runs `latchkey admin …` beside it, as an operator does. Returns what was printed. */
  async admin(...words: string[]): Promise<string> {
    const env = { PATH: process.env["PATH"], ...this.variables };
    const { stdout } = await promisify(execFile)(BINARY, ["admin", ...words], { cwd: this.folder, env });
    return stdout;
  }

  /** What the audit log says was done, in order of time. */
  audited(): string[] {
    return this.database.texts("SELECT action FROM audit ORDER BY at, id");
  }

  signal(name: NodeJS.Signals): void {
    this.process.child.kill(name);
  }

  /** Waits for the end of a server that was told to stop, and cleans up unless its database is still wanted. */
  async ended(database: "dropped" | "kept" = "dropped"): Promise<Ended> {
    const timer = setTimeout(() => this.signal("SIGKILL"), STOP_MS);
    const ended = await this.process.ended;
    clearTimeout(timer);
    if (database === "dropped") this.remove();
    return ended;
  }

  /** Stops it as an operator does. Fails unless it ends well. */
  async stop(): Promise<void> {
    this.signal("SIGTERM");
    const { code, signal } = await this.ended();
    if (code !== 0) throw new Error(`the server ended with ${signal ?? code} instead of 0:\n${this.log}`);
    if (this.log.includes("panicked at")) throw new Error(`the server panicked:\n${this.log}`);
  }

  private async becomesReady(): Promise<boolean> {
    const deadline = Date.now() + START_MS;
    while (this.process.running) {
      const status = await get(`${this.url}/readyz`).then(
        (answer) => answer.status,
        () => 0,
      );
      if (status === 200 && this.process.running) return true;
      if (Date.now() > deadline) {
        this.signal("SIGKILL");
        await this.process.ended;
        throw new Error(`the server was not ready after ${START_MS / 1000} s:\n${this.log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return false;
  }

  /** Drops the database and the folder. */
  remove(): void {
    this.database.drop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs `latchkey serve` with exactly these variables, in a folder of its own, and waits for its end. */
export async function runToEnd(variables: Variables): Promise<Ended> {
  const folder = newFolder();
  const process = new Process(folder, variables);
  const timer = setTimeout(() => process.child.kill("SIGKILL"), START_MS);
  const ended = await process.ended;
  clearTimeout(timer);
  rmSync(folder, { recursive: true, force: true });
  return ended;
}

/** The same while something is done with the process; what has not ended after that is killed. */
export async function runWhile(
  variables: Variables,
  meanwhile: (process: Process) => Promise<void>,
): Promise<Ended> {
  const folder = newFolder();
  const process = new Process(folder, variables);
  const timer = setTimeout(() => process.child.kill("SIGKILL"), START_MS);
  try {
    await meanwhile(process);
  } catch (error) {
    process.child.kill("SIGKILL");
    throw error;
  } finally {
    await process.ended;
    clearTimeout(timer);
    rmSync(folder, { recursive: true, force: true });
  }
  return process.ended;
}

export function settings(port: number, databaseUrl: string): Variables {
  return {
    LATCHKEY_SITE_ADDR: `127.0.0.1:${port}`,
    LATCHKEY_PUBLIC_URL: `http://127.0.0.1:${port}`,
    LATCHKEY_SITE_ROOT: SITE,
    LATCHKEY_DATABASE_URL: databaseUrl,
  };
}

function newDatabase(engine: Engine, folder: string): Database {
  try {
    return createDatabase(engine, folder);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "latchkey-test-"));
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
