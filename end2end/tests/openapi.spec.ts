// The server's OpenAPI document is valid, and the usual generators make working clients of it.
import { execFile, type ExecFileException } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Client, seed } from "../support/api.ts";
import { program } from "../support/program.ts";
import { expect, test } from "../support/test.ts";

const CLIENTS = join(import.meta.dirname, "../clients");
const tool = (name: string): string => join(CLIENTS, "node_modules/.bin", name);
// They would ask other machines for news and report how they are used.
const QUIET = {
  REDOCLY_TELEMETRY: "off",
  REDOCLY_SUPPRESS_UPDATE_NOTICE: "true",
  REDOCLY_SUPPRESS_NOTIFICATIONS: "true",
};

test.describe.configure({ timeout: 180_000 });

/** Runs a program to its end, which must be a good one. Returns what it printed. */
function run(
  folder: string,
  file: string,
  words: string[],
  more: Record<string, string> = {},
): Promise<string> {
  const env = { PATH: process.env["PATH"], HOME: folder, NO_COLOR: "1", ...more };
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, env, timeout: 150_000, maxBuffer: 1 << 26 };
    execFile(file, words, options, (error: ExecFileException | null, stdout, stderr) => {
      const output = stdout + stderr;
      if (error) reject(new Error(`${file} ${words.join(" ")}: ${error.code ?? error.signal}\n${output}`));
      else resolve(output);
    });
  });
}

test("the document is valid and clients made of it work", async ({ serve }) => {
  const server = await serve({ LATCHKEY_KEY_HASH_COST: "1" });
  const { key } = seed(server);
  const client = new Client(server, key);
  const document = (await client.call("GET", "/api/v1/openapi.json", undefined, {})).body;
  client.close();
  const folder = join(server.folder, "clients");
  mkdirSync(folder);
  writeFileSync(join(folder, "openapi.json"), document);

  await test.step("redocly finds no error", async () => {
    const words = ["lint", "openapi.json", "--config", join(CLIENTS, "redocly.yaml")];
    expect(await run(folder, tool("redocly"), words, QUIET)).toContain("Your API description is valid");
  });

  await test.step("openapi-python-client makes a client that works", async () => {
    const generator = program("openapi-python-client");
    writeFileSync(join(folder, "config.yaml"), "post_hooks: []\n");
    const words = [
      "generate",
      "--path",
      "openapi.json",
      "--meta",
      "none",
      "--output-path",
      "latchkey_client",
    ];
    await run(folder, generator, [...words, "--config", "config.yaml", "--fail-on-warning"]);
    const python = join(dirname(generator), "python");
    await run(folder, python, [join(CLIENTS, "use_client.py"), server.url, key], {
      PYTHONPATH: folder,
      PYTHONDONTWRITEBYTECODE: "1",
    });
  });

  await test.step("openapi-typescript makes types that fit", async () => {
    await run(folder, tool("openapi-typescript"), ["openapi.json", "--output", "latchkey.ts"]);
    copyFileSync(join(CLIENTS, "use-types.ts"), join(folder, "use-types.ts"));
    const words = ["--noEmit", "--strict", "--allowImportingTsExtensions", "--module", "esnext"];
    await run(folder, tool("tsc"), [...words, "--moduleResolution", "bundler", "use-types.ts"]);
  });
});
