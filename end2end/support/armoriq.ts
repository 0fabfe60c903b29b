// The published ArmorIQ command line (PyPI armoriq-sdk), unmodified, in a home folder of its own, pointed at the server.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { program } from "./program.ts";
import type { Server } from "./server.ts";

/** The one of today, and the one that wrote one flat file of credentials. */
export const VERSIONS = ["0.8.17", "0.3.9"] as const;
export type Version = (typeof VERSIONS)[number];

export interface Said {
  code: number;
  /** All that it printed, without colours. */
  text: string;
}

/** A login that waits for somebody to approve it. */
export interface Waiting {
  url: string;
  code: string;
  ended: Promise<Said>;
}

interface Saved {
  active: string;
  profiles: Record<string, { apiKey: string }>;
}

export class Armoriq {
  readonly home: string;
  private readonly env: Record<string, string>;

  constructor(
    readonly version: Version,
    server: Server,
  ) {
    this.home = join(server.folder, `home-${version}`);
    mkdirSync(this.home, { recursive: true });
    this.env = {
      PATH: process.env["PATH"] ?? "",
      HOME: this.home,
      BROWSER: "true",
      PYTHONUNBUFFERED: "1",
      ARMORIQ_BACKEND_URL: server.url,
      BACKEND_ENDPOINT: server.url,
      ARMORIQ_DASHBOARD_URL: server.url,
      PROXY_ENDPOINT: server.url,
    };
  }

  /** Runs a command to its end; `typed` is what it is told when it asks. */
  run(words: string[], typed = "", more: Record<string, string> = {}): Promise<Said> {
    return this.start(words, typed, more).ended;
  }

  /** Starts a login and waits until it has shown its address. */
  async login(...words: string[]): Promise<Waiting> {
    const { child, ended, heard } = this.start(["login", ...words], "", {});
    const url = await new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = /^ +(http\S+\/auth\/device\?\S+)$/m.exec(heard())?.[1];
        if (found && heard().includes("Waiting for authorization")) resolve(found);
      };
      child.stdout?.on("data", look);
      void ended.then(({ text }) => reject(new Error(`the login ended:\n${text}`)), reject);
    });
    const code = /Confirm this code in your browser: (\S+)/.exec(heard())?.[1] ?? "";
    return { url, code, ended };
  }

  /** Runs a Python program with this version's SDK. */
  sdk(source: string, more: Record<string, string> = {}): Promise<Said> {
    const python = join(dirname(program(`armoriq-${this.version}`)), "python");
    return this.start(["-c", source], "", more, python).ended;
  }

  /** The key that it saved. */
  get key(): string {
    const saved = JSON.parse(readFileSync(join(this.home, ".armoriq/credentials.json"), "utf8")) as unknown;
    if (this.version === "0.3.9") return (saved as { apiKey: string }).apiKey;
    const { active, profiles } = saved as Saved;
    return profiles[active]?.apiKey ?? "";
  }

  private start(
    words: string[],
    typed: string,
    more: Record<string, string>,
    file = `armoriq-${this.version}`,
  ) {
    const child: ChildProcess = spawn(file, words, { cwd: this.home, env: { ...this.env, ...more } });
    const killWithUs = () => child.kill("SIGKILL");
    process.once("exit", killWithUs);
    let said = "";
    const heard = () => said.replaceAll(/\u001b\[[0-9;]*m/g, "");
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => (said += text));
    child.stdin?.on("error", () => undefined).end(typed);
    const ended = new Promise<Said>((resolve, reject) => {
      child.once("error", (error: NodeJS.ErrnoException) =>
        reject(
          error.code === "ENOENT"
            ? new Error(`there is no ${file}: run 'make setup-test', which installs it`)
            : error,
        ),
      );
      child.once("close", (code) => {
        process.off("exit", killWithUs);
        resolve({ code: code ?? -1, text: heard() });
      });
    });
    return { child, ended, heard };
  }
}
