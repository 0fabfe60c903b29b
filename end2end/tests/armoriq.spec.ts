// The published ArmorIQ command line, of two versions and unmodified: it logs in through the browser and does all that it
// can do with a server like this one.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "../support/api.ts";
import { Armoriq, type Said, VERSIONS, type Version } from "../support/armoriq.ts";
import { McpServer, TOOLS } from "../support/mcp.ts";
import { OWNER, type Visitor } from "../support/people.ts";
import type { Server } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

const MINE = "I started this login on my own device";
const BETA = "Beta & Söhne";
/** The first question comes after one interval. */
const QUICK = { LATCHKEY_DEVICE_POLL_INTERVAL: "1s" };

// Each command starts a Python of its own, and the login asks once a second.
test.describe.configure({ timeout: 240_000 });

/** Uses the file that `init` wrote. */
const SDK = `
from armoriq_sdk import ArmorIQClient
with ArmorIQClient.from_config("armoriq.yaml") as client:
    print("proxy", client.default_proxy_endpoint)
    client.max_retries = 0
    plan = client.capture_plan(llm="test", prompt="the weather", plan={"steps": [{"action": "get_weather", "mcp": "weather-mcp"}]})
    for attempt in (lambda: client.get_intent_token(plan), lambda: client.resolve_user("alice@example.com")):
        try:
            attempt()
        except Exception as error:
            print(error)
`;

const fine = ({ code, text }: Said): string => {
  expect(code, text).toBe(0);
  return text;
};

const failed = ({ code, text }: Said): string => {
  expect(code, text).toBe(1);
  return text;
};

/** Through the page, as a person does it. */
async function decide(
  visitor: Visitor,
  url: string,
  verdict: "Approve" | "Deny",
  organization = "",
): Promise<void> {
  const { page } = visitor;
  await visitor.open(url);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Approve this login?");
  await expect(page.getByRole("main")).toContainText("ArmorIQ CLI");
  if (organization)
    await page.getByLabel("Organization", { exact: true }).selectOption(`${organization} (you are an owner)`);
  if (verdict === "Approve") await page.getByLabel(MINE).check();
  expect(await visitor.press(verdict)).toBe(200);
}

async function logIn(
  visitor: Visitor,
  client: Armoriq,
  words: string[] = [],
  organization = "",
): Promise<string> {
  const waiting = await client.login(...words);
  await decide(visitor, waiting.url, "Approve", organization);
  await expect(visitor.page.getByRole("heading", { level: 1 })).toHaveText("Return to your terminal");
  return fine(await waiting.ended);
}

const one = (server: Server, sql: string): string => server.database.texts(sql)[0] ?? "";

async function walk(version: Version, server: Server, alice: Visitor): Promise<void> {
  const today = version === "0.8.17";
  const client = new Armoriq(version, server);
  const run = async (...words: string[]) => fine(await client.run(words));
  const { page } = alice;

  expect(await run("whoami")).toContain("Not logged in");
  expect(await logIn(alice, client)).toContain(`Logged in as ${OWNER.email}`);
  expect(client.key).toMatch(/^ak_live_/);
  const who = await run("whoami");
  expect(who).toContain(OWNER.email);
  expect(who).toContain(today ? `default@127.0.0.1:${server.port}` : `${client.key.slice(0, 16)}...`);
  if (today) expect(await run("login")).toContain("Already logged in");

  // Another organization, made in the browser.
  await alice.open("/organizations/new");
  await alice.fill({ Name: BETA });
  await alice.press("Create organization");
  const tidewater = one(server, `SELECT id FROM organizations WHERE name = '${OWNER.organization}'`);
  const beta = one(server, `SELECT id FROM organizations WHERE name = '${BETA}'`);
  const orgs = await run("orgs");
  expect(orgs).toMatch(new RegExp(`✓ ${OWNER.organization} +${tidewater} +owner +1`));
  expect(orgs).toMatch(new RegExp(`  ${BETA} +${beta} +owner +1`));
  expect(failed(await client.run(["switch-org", "Nowhere"]))).toContain("No organization named 'Nowhere'");
  expect(await run("switch-org", BETA, "--key-name", `laptop ${version}`)).toContain(`Switched to ${BETA}`);
  expect(await run("orgs")).toMatch(new RegExp(`✓ ${BETA}`));
  expect(await run("keys", "list")).toMatch(new RegExp(`laptop ${version} +\\S+ +active +20`));

  // Two more keys: one is revoked by its id, the other is old enough to be pruned.
  const api = new Client(server, client.key);
  const made = new Map<string, string>();
  for (const name of ["one", "old"]) {
    const answer = await api.call("POST", "/api/v1/keys", { name: `${name} ${version}` });
    made.set(name, (JSON.parse(answer.body) as { id: string }).id);
  }
  api.close();
  expect(await run("keys", "revoke", made.get("one") ?? "")).toContain("Revoked key");
  expect(await run("keys", "list")).toMatch(new RegExp(`one ${version} +\\S+ +revoked`));
  expect(await run("keys", "prune")).toContain("Nothing to prune");
  server.database.run("UPDATE keys SET created_at = created_at - 4000000000");
  const proposed = await run("keys", "prune");
  expect(proposed).toContain("1 prune candidate(s)");
  expect(proposed).toContain(made.get("old") ?? "");
  expect(await run("keys", "prune", "--yes")).toContain(`Revoked ${made.get("old")}`);
  expect(await run("keys", "prune", "--yes")).toContain("Nothing to prune");

  // An agent: described, checked, registered, and seen on its page.
  const mcp = await McpServer.start();
  const withKey = { ARMORIQ_API_KEY: client.key };
  const answers = ["", `agent-${version}`, "", "", mcp.url, "weather-mcp", "Tells the weather", "", ""];
  const described = fine(await client.run(["init"], answers.join("\n"), withKey));
  expect(described).toContain("Credentials verified");
  expect(described).toContain(TOOLS.join(", "));
  // README warns of what the older one writes, and says where the right address goes.
  const file = join(client.home, "armoriq.yaml");
  const written = readFileSync(file, "utf8");
  const proxy = today ? server.url : "https://proxy.armoriq.ai";
  expect(written).toMatch(new RegExp(`^proxy:\n(  .*\n)*?  url: ${proxy}\n`, "m"));
  writeFileSync(file, written.replace(proxy, server.url));
  expect(fine(await client.run(["validate"], "", withKey))).toContain("API key authenticated");
  const wrong = { ARMORIQ_API_KEY: `${client.key.slice(0, -1)}_` };
  expect(failed(await client.run(["validate"], "", wrong))).toContain("401");
  const registered = fine(await client.run(["register"], "", withKey));
  expect(registered).toContain(`Agent agent-${version} registered`);
  expect(registered).toContain("Policy applied (2 allowed, 0 denied)");
  await mcp.stop();

  // What is not offered yet says so.
  if (today)
    expect(failed(await client.run(["policy", "show"]))).toContain(
      "This server does not manage policies yet.",
    );
  const said = fine(await client.sdk(SDK, withKey));
  expect(said).toContain(`proxy ${server.url}\n`);
  expect(said).toContain("Token issuance failed: This server does not issue intent tokens yet.");
  expect(said).toContain("This server does not look up users for agents yet.");
  const status = await run("status");
  expect(status).toContain(`Agent: agent-${version}`);
  expect(status).toContain("MCP servers: weather-mcp");
  expect(await run("logs", "--no-follow")).toMatch(/register: .*weather-mcp/);
  await alice.open("/settings/agents");
  await alice.follow(() => page.getByRole("link", { name: `agent-${version}`, exact: true }).click());
  await expect(page.getByRole("main")).toContainText(mcp.url);
  await expect(page.getByRole("main")).toContainText("weather-mcp.get_weather");
  expect(server.database.texts("SELECT agent_id FROM agents")).toEqual([`agent-${version}`]);

  // Whose key is revoked logs in again.
  const own = one(server, `SELECT id FROM keys WHERE name = 'laptop ${version}'`);
  expect(await run("keys", "revoke", own)).toContain("Revoked key");
  expect(failed(await client.run(["orgs"]))).toContain("API key rejected (401)");
  // The page asks which organization, unless the command line has named it.
  const again = today ? await logIn(alice, client, [], BETA) : await logIn(alice, client, ["--org", BETA]);
  if (today) expect(again).toContain("the saved key is no longer valid");
  expect(await run("orgs")).toMatch(new RegExp(`✓ ${BETA}`));
  await run("logout");
  expect(await run("whoami")).toContain("Not logged in");
}

for (const version of VERSIONS) {
  test(`${version} logs in and does all that it can`, async ({ serve, visit }) => {
    const server = await serve(QUICK);
    const alice = visit(server);
    await alice.setUp();
    await walk(version, server, alice);
  });

  test(`${version} is told what became of a login`, async ({ serve, visit }) => {
    const server = await serve(QUICK);
    const alice = visit(server);
    await alice.setUp();
    const client = new Armoriq(version, server);

    const denied = await client.login();
    expect(new URL(denied.url).searchParams.get("code")).toBe(denied.code);
    await decide(alice, denied.url, "Deny");
    await expect(alice.page.getByRole("heading", { level: 1 })).toHaveText("Login denied");
    expect(failed(await denied.ended)).toContain("The login was denied.");

    const late = await client.login();
    server.database.run("UPDATE device_logins SET expires_at = 1 WHERE status = 'pending'");
    // What another process changes is heard of by the log alone.
    server.database.run("UPDATE change_counter SET seq = seq + 1");
    server.database.run(
      "INSERT INTO changes (seq, kind, id, at) SELECT seq, 'login', device_logins.id, 0 FROM change_counter, device_logins WHERE expires_at = 1",
    );
    expect(failed(await late.ended)).toContain("This login has expired");
    await alice.open(late.url);
    await expect(alice.page.getByRole("heading", { level: 1 })).toHaveText("This code has expired");
    await expect(alice.page.getByRole("main")).toContainText("armoriq login");
    expect(server.database.texts("SELECT id FROM keys")).toEqual([]);
  });
}
