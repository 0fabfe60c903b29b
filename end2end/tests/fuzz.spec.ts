// The API against its own document: schemathesis makes requests from it, well-formed and not, in the same order each time.
// No answer is a 5xx, and each is one that the document tells of.
import { execFile, type ExecFileException } from "node:child_process";
import { join } from "node:path";
import { Client, seed } from "../support/api.ts";
import type { Server } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

const PROGRAM = process.env["LATCHKEY_TEST_SCHEMATHESIS"] || "schemathesis";
/** Requests of each kind for each endpoint. */
const EXAMPLES = Number(process.env["LATCHKEY_TEST_EXAMPLES"] || 30);
const PATIENCE_MS = 8_000 * EXAMPLES;
const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
  "negative_data_rejection",
  "unsupported_method",
  "allow_header_conformance",
  "ignored_auth",
];

test.describe.configure({ timeout: PATIENCE_MS + 60_000 });

/** What it printed, and how it ended. */
function schemathesis(server: Server, key: string, known: Record<string, string>): Promise<[number, string]> {
  const words = ["run", `${server.url}/api/v1/openapi.json`, "--header", `Authorization: Bearer ${key}`];
  words.push("--checks", CHECKS.join(","), "--seed", "1", "--max-examples", `${EXAMPLES}`);
  words.push("--continue-on-failure", "--no-color", "--warnings", "off");
  const env = {
    PATH: process.env["PATH"],
    HOME: server.folder,
    PYTHONPATH: join(import.meta.dirname, "../support"),
    PYTHONDONTWRITEBYTECODE: "1",
    SCHEMATHESIS_HOOKS: "fuzz",
    ...known,
  };
  const options = { cwd: server.folder, env, timeout: PATIENCE_MS, maxBuffer: 1 << 26 };
  return new Promise((resolve, reject) => {
    execFile(PROGRAM, words, options, (error: ExecFileException | null, stdout, stderr) => {
      if (error?.code === "ENOENT")
        reject(new Error(`there is no ${PROGRAM}: run 'make setup-test', which installs it`));
      else resolve([error ? Number(error.code ?? -1) : 0, stdout + stderr]);
    });
  });
}

test("whatever the document allows or forbids, the answer is one that it tells of", async ({ serve }) => {
  const server = await serve({
    LATCHKEY_KEY_HASH_COST: "1",
    LATCHKEY_WEBHOOK_TARGETS: "127.0.0.0/8",
  });
  const { org, key } = seed(server);
  const client = new Client(server, key);
  const own = JSON.parse((await client.call("GET", "/api/v1/me")).body) as { key: { id: string } };
  const made: string[] = [];
  for (const name of ["one", "two", "three", "four", "five", "six"]) {
    const answer = await client.call("POST", "/api/v1/keys", { name });
    made.push((JSON.parse(answer.body) as { id: string }).id);
  }
  const [code, told] = await schemathesis(server, key, {
    LATCHKEY_FUZZ_ORG: org,
    LATCHKEY_FUZZ_OWN_KEY: own.key.id,
    LATCHKEY_FUZZ_KEYS: made.join(" "),
  });
  expect(code, told).toBe(0);
  expect(Number(/generated, (\d+) passed/.exec(told)?.[1]), told).toBeGreaterThan(500);
  expect(server.log).not.toContain("panicked");

  // It came further than to refusals: the key still works, and keys were changed in every way.
  expect((await client.call("GET", "/api/v1/me")).status).toBe(200);
  const done = new Set(server.audited());
  for (const verb of ["created", "edited", "rotated", "disabled", "enabled", "revoked"])
    expect(done, `key.${verb}`).toContain(`key.${verb}`);
  client.close();
});
