// The MCP server with the official clients of TypeScript and Python, each with a pasted key; and what a person sees of an agent.
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Visitor } from "../support/people.ts";
import { program } from "../support/program.ts";
import type { Server } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

const READ = [
  "whoami",
  "list_keys",
  "get_key",
  "key_usage",
  "who_uses_key",
  "find_stale_keys",
  "list_members",
  "search_audit",
];
const CHANGE = ["create_key", "rotate_key", "finish_rotation", "disable_key", "enable_key", "revoke_key"];

interface Asked {
  status: string;
  url: string;
  key: { name: string; prefix: string };
}

/** Creates a key of kind MCP with the role owner. */
async function mcpKey(visitor: Visitor, name: string): Promise<string> {
  const { page } = visitor;
  await visitor.open("/settings/api-keys/new");
  await visitor.fill({ Name: name });
  await page.locator('input[name="kind"][value="mcp"]').check({ force: true });
  await page.locator('input[name="role"][value="owner"]').check({ force: true });
  await visitor.press("Create key");
  const key = (await page.locator("#plaintext").textContent()) ?? "";
  await expect(page.getByRole("link", { name: "Connect an agent" })).toBeVisible();
  await visitor.follow(() => page.getByRole("link", { name: "I've saved it" }).click());
  return key;
}

async function connect(server: Server, key: string): Promise<Client> {
  const client = new Client({ name: "latchkey-tests", version: "1.0.0" });
  const requestInit = { headers: { Authorization: `Bearer ${key}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL("/api/mcp", server.url), { requestInit }));
  return client;
}

async function ask(client: Client, name: string, args: Record<string, unknown>): Promise<Asked> {
  const answer = await client.callTool({ name, arguments: args });
  expect(answer.isError, JSON.stringify(answer)).toBe(false);
  return answer.structuredContent as unknown as Asked;
}

test("the official TypeScript client works with a pasted key", async ({ serve, visit }) => {
  const server = await serve();
  const alice = visit(server);
  await alice.setUp();
  const key = await mcpKey(alice, "ops-assistant");
  const client = await connect(server, key);
  expect(client.getServerVersion()?.name).toBe("latchkey");
  expect(client.getInstructions()).toContain("Tidewater Freight");
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual([...READ, ...CHANGE]);
  for (const name of READ) {
    const tool = tools.find((other) => other.name === name);
    const args = tool?.inputSchema.required?.includes("key") ? { key: "ops-assistant" } : {};
    // The client checks the output against the schema of the tool.
    const answer = await client.callTool({ name, arguments: args });
    expect(answer.isError, `${name}: ${JSON.stringify(answer)}`).toBe(false);
    expect(answer.structuredContent, name).toBeTruthy();
  }
  const { resources } = await client.listResources();
  const first = resources[0];
  expect(first?.uri).toBe("latchkey://organization");
  expect((await client.readResource({ uri: "latchkey://organization" })).contents).toHaveLength(1);
  const { prompts } = await client.listPrompts();
  expect(prompts.map(({ name }) => name)).toEqual(["rotate_old_keys", "who_uses_key"]);
  const completed = await client.complete({
    ref: { type: "ref/prompt", name: "who_uses_key" },
    argument: { name: "key", value: "ops" },
  });
  expect(completed.completion.values).toEqual(["ops-assistant"]);
  const wrong = await client.callTool({ name: "get_key", arguments: { key: "nonsense" } });
  expect(wrong.isError).toBe(true);
  await expect(client.callTool({ name: "nonsense", arguments: {} })).rejects.toThrow("no such tool");

  // Its key is revoked while it is connected.
  await alice.open("/settings/api-keys?q=ops-assistant");
  await alice.follow(() => alice.page.locator("a.row-link", { hasText: "ops-assistant" }).click());
  await expect(alice.page.getByRole("link", { name: "Connect an agent" })).toBeVisible();
  await alice.follow(() => alice.page.getByRole("link", { name: "Revoke key…" }).click());
  await alice.fill({ "Type ops-assistant to confirm": "ops-assistant" });
  expect(await alice.press("Revoke key")).toBe(200);
  await expect(client.listTools()).rejects.toThrow(/401|Unauthenticated|Unauthorized/i);
  await client.close();
});

test("the official Python client works with a pasted key", async ({ serve, visit }) => {
  const server = await serve();
  const alice = visit(server);
  await alice.setUp();
  const key = await mcpKey(alice, "ops-assistant");
  const script = join(import.meta.dirname, "../support/mcp_client.py");
  const python = join(dirname(program("mcp")), "python");
  const run = promisify(execFile);
  const { stdout } = await run(python, [script, `${server.url}/api/mcp`, "ops-assistant"], {
    env: { PATH: process.env["PATH"] ?? "", LATCHKEY_API_KEY: key },
  });
  const found = JSON.parse(stdout) as {
    tools: string[];
    answers: Record<string, { failed: boolean; data: unknown }>;
    organization: string;
    prompts: string[];
  };
  expect(found.tools).toEqual([...READ, ...CHANGE]);
  expect(Object.keys(found.answers)).toEqual(READ);
  for (const [name, { failed, data }] of Object.entries(found.answers)) {
    expect(failed, name).toBe(false);
    expect(data, name).toBeTruthy();
  }
  expect(found.organization).toBe("Tidewater Freight");
  expect(found.prompts).toEqual(["rotate_old_keys", "who_uses_key"]);
});

test("a person creates and rotates what an agent asks for", async ({ serve, visit }) => {
  const server = await serve();
  const alice = visit(server);
  const { page } = alice;
  await alice.setUp();
  const key = await mcpKey(alice, "ops-assistant");
  await alice.open("/settings/agents/connect");
  const first = page.locator(".live", { hasText: "Waiting for the first call" });
  await expect(first).toBeVisible();
  const client = await connect(server, key);
  await expect(page.locator(".live-arrived")).toBeVisible();

  const wish = { name: "tariff-import", reason: "A key of its own would let you stop it alone." };
  const pending = await ask(client, "create_key", wish);
  expect(pending.status).toBe("pending");
  await alice.open(new URL(pending.url).pathname);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("An agent asks for a new key");
  await expect(page.getByRole("main")).toContainText(wish.reason);
  await alice.press("Create key");
  const created = (await page.locator("#plaintext").textContent()) ?? "";
  const done = await ask(client, "create_key", wish);
  expect(done.status).toBe("done");
  expect(created.startsWith(done.key.prefix)).toBe(true);
  await expect(page.getByRole("main")).toContainText(done.key.prefix);
  await alice.follow(() => page.getByRole("link", { name: "I've saved it" }).click());
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("tariff-import");

  const rotation = await ask(client, "rotate_key", { key: "tariff-import", overlap_hours: 1 });
  await alice.open(new URL(rotation.url).pathname);
  await page.getByLabel("The old secret stays valid for").selectOption({ label: "7 days" });
  await alice.press("Rotate key");
  const rotated = (await page.locator("#plaintext").textContent()) ?? "";
  expect(rotated).not.toBe(created);
  await alice.follow(() => page.getByRole("link", { name: "I've saved it" }).click());

  const other = await ask(client, "create_key", { name: "another" });
  await alice.open(new URL(other.url).pathname);
  await alice.press("Decline");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Request declined");
  expect((await ask(client, "create_key", { name: "another" })).status).toBe("declined");
  await client.close();
});
