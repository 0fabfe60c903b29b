// The list of pages that `tests/pages.spec.ts` walks. A new page is one entry here.
import { App } from "./app.ts";
import { askForCode, poll } from "./device.ts";
import { Client } from "./api.ts";
import type { Visitor, Who } from "./people.ts";
import { GUARDED, guardedCode, OWNER, PASSWORD } from "./people.ts";

export interface Listed {
  /** Names the test and the screenshots. */
  name: string;
  path: string;
  heading: string | RegExp;
  /** 200 unless it says otherwise. */
  status?: number;
  /** Nobody is signed in unless it says who. */
  who?: Who;
  /** On a server where nobody has an account; on the one with people unless it says so. */
  empty?: true;
  /** The address to open when it is not fixed. */
  find?: (visitor: Visitor) => Promise<string>;
  /** What is done there; answers with the status of the page that is walked then. */
  then?: (visitor: Visitor) => Promise<number>;
}

/** Turns the direction of writing around: no name may have it. */
const UNSEEN = "\u202e";

const LINK = async ({ server }: Visitor): Promise<string> => server.setupLink;

async function resetLink({ server }: Visitor): Promise<string> {
  return (await server.admin("reset-password", OWNER.email)).split("\n")[0] ?? "";
}

/** Fills the form in and sends it. */
const send = (button: string, fields: Record<string, string>) => async (visitor: Visitor) => {
  await visitor.fill(fields);
  return visitor.press(button);
};

/** Makes a key: its path and its plaintext. */
async function newKey(visitor: Visitor): Promise<{ path: string; key: string }> {
  const name = `walk-${Date.now()}`;
  await visitor.open("/settings/api-keys/new");
  await visitor.fill({ Name: name });
  await visitor.press("Create key");
  const key = (await visitor.page.locator("#plaintext").textContent()) ?? "";
  await visitor.follow(() => visitor.page.getByRole("link", { name: "I've saved it" }).click());
  await visitor.open(`/settings/api-keys?q=${name}`);
  const path = await visitor.page.locator("a.row-link", { hasText: name }).getAttribute("href");
  return { path: path ?? "", key };
}

/** A page of a webhook, which is made for it and turned off, so that nothing is sent. */
const someWebhook = (below: string) => async (visitor: Visitor) => {
  await visitor.open("/settings/webhooks/new");
  await visitor.fill({ Address: `https://1.1.1.1/${Date.now()}` });
  await visitor.press("Add webhook");
  await visitor.follow(() => visitor.page.getByRole("link", { name: "I've saved it" }).click());
  await visitor.press("Turn off");
  return visitor.open(new URL(visitor.page.url()).pathname + below);
};

/** A permission and a key that has it. Opens the list at its row, or the page that a link of the row leads to. */
const somePermission = (link: string) => async (visitor: Visitor) => {
  const name = `walk.n${Date.now()}`;
  await visitor.open("/settings/permissions");
  await visitor.fill({ Name: name });
  await visitor.press("Add");
  await visitor.open(`/settings/permissions?q=${name}`);
  await visitor.page.locator("details.openrow summary").first().click();
  const row = visitor.page.locator("details.openrow");
  return link === ""
    ? visitor.open(`/settings/permissions?q=${name}`)
    : visitor.follow(() => row.getByRole("link", { name: link }).click());
};

/** Chooses whether strong keys need an approval, previews the change and saves it. */
async function chooseApproval(visitor: Visitor, on: boolean): Promise<void> {
  await visitor.open("/settings/key-policy");
  await visitor.page.getByLabel("Approval for privileged roles", { exact: true }).setChecked(on);
  await visitor.press("Preview changes");
  await visitor.press("Save policy");
}

/** The page of a request, which is made for it; or the list with it. */
const someApproval = (list: boolean) => async (visitor: Visitor) => {
  await chooseApproval(visitor, true);
  await visitor.open("/settings/api-keys/new");
  await visitor.fill({ Name: `approval-${Date.now()}` });
  await visitor.page.locator('input[name="role"][value="owner"]').check({ force: true });
  await visitor.press("Create key");
  const path = new URL(visitor.page.url()).pathname;
  await chooseApproval(visitor, false);
  return visitor.open(list ? "/approvals" : path);
};

/** Lets an agent ask for something, and opens the page of its request. Answers with the name of the key that it asks for. */
async function askAsAgent(visitor: Visitor, tool: "create_key" | "rotate_key"): Promise<string> {
  const { path, key } = await newKey(visitor);
  const name = `asked-${Date.now()}`;
  const reason = "The nightly import shares a key with two other jobs.";
  const subject = tool === "create_key" ? { name } : { key: path.split("/").at(-1) };
  const client = new Client(visitor.server, key);
  const { body } = await client.call("POST", "/api/mcp", {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: tool, arguments: { ...subject, reason } },
  });
  client.close();
  const { result } = JSON.parse(body) as { result: { structuredContent: { url: string } } };
  await visitor.open(new URL(result.structuredContent.url).pathname);
  return name;
}

const someAgentRequest = (tool: "create_key" | "rotate_key") => async (visitor: Visitor) => {
  await askAsAgent(visitor, tool);
  return visitor.open(new URL(visitor.page.url()).pathname);
};

/** The page of a key with an owner, a permission, a quota and metadata. */
async function customerKey(visitor: Visitor): Promise<number> {
  const permission = `walk.k${Date.now()}`;
  await visitor.open("/settings/permissions");
  await visitor.fill({ Name: permission });
  await visitor.press("Add");
  const { path } = await newKey(visitor);
  await visitor.open(`${path}/edit`);
  await visitor.page.locator("summary", { hasText: "Owner, permissions and quota" }).click();
  const fields = {
    external_id: "carrier_4471",
    permissions: permission,
    quota: "10000",
    metadata: '{"tier": "gold"}',
  };
  for (const [name, value] of Object.entries(fields)) await visitor.page.locator(`#f-${name}`).fill(value);
  await visitor.press("Save changes");
  return visitor.open(path);
}

/** The result of trying a key: accepted, or refused because of the address. */
function triedKey(isRefused: boolean) {
  return async (visitor: Visitor): Promise<number> => {
    const { path, key } = await newKey(visitor);
    await visitor.open(`${path}/edit`);
    await visitor.page.locator("#f-ranges").fill("198.51.100.0/24\n2001:db8::/32");
    await visitor.press("Save changes");
    await visitor.open("/settings/protect?for=caddy");
    await visitor.page.locator("#t-key").fill(key);
    await visitor.page.locator("#t-ip").fill(isRefused ? "10.0.0.7" : "198.51.100.24");
    return visitor.press("Check key");
  };
}

/** A page of a key, which is made for it. */
const firstKey = (below: string) => async (visitor: Visitor) => {
  const { path } = await newKey(visitor);
  return visitor.open(`${path}${below}`);
};

/** A new key that works for a while: some calls, one refused. */
async function busyKey(visitor: Visitor): Promise<number> {
  const { path, key } = await newKey(visitor);
  const client = new Client(visitor.server, key);
  for (let call = 0; call < 30; call++) await client.call("GET", "/api/v1/me");
  client.close();
  return visitor.open(path);
}

/** A key that allows an address, was called from another one and with a wrong secret; one of its pages. */
const refusedKey = (below: string) => async (visitor: Visitor) => {
  const { path, key } = await newKey(visitor);
  await visitor.open(`${path}/edit`);
  await visitor.page.locator("#f-ranges").fill("198.51.100.0/24\n2001:db8::/32");
  await visitor.press("Save changes");
  const client = new Client(visitor.server, key);
  for (let call = 0; call < 3; call++) await client.call("GET", "/api/v1/me");
  client.close();
  return visitor.open(`${path}${below}`);
};

/** That key, rotated: the box with the new secret, and both secrets at work. */
async function rotatedKey(visitor: Visitor): Promise<number> {
  await busyKey(visitor);
  const path = visitor.page.url();
  await visitor.open(`${path}/rotate`);
  await visitor.press("Rotate key");
  const key = (await visitor.page.locator("#plaintext").textContent()) ?? "";
  await visitor.follow(() => visitor.page.getByRole("link", { name: "I've saved it" }).click());
  const client = new Client(visitor.server, key);
  for (let call = 0; call < 20; call++) await client.call("GET", "/api/v1/me");
  client.close();
  return visitor.open(path);
}

async function revokedKey(visitor: Visitor): Promise<number> {
  await firstKey("/revoke")(visitor);
  const path = visitor.page.url().replace("/revoke", "");
  await visitor.press("Revoke key");
  return visitor.open(path);
}

/** A key that was reported as found in public, after the server has examined the report. */
async function leakedKey(visitor: Visitor): Promise<number> {
  const { path, key } = await newKey(visitor);
  const client = new Client(visitor.server, key);
  const url = "https://github.com/dockside/portal-demo/blob/9f2c1e/.env#L4";
  await client.call("POST", "/api/v1/leaks", [{ token: key, url, source: "our scanner" }]);
  client.close();
  for (;;) {
    const status = await visitor.open(path);
    if (await visitor.page.locator("#leak").isVisible()) return status;
  }
}

/** A page below that of a key that works for a while. */
const busyKeyAt = (below: string) => async (visitor: Visitor) => {
  await busyKey(visitor);
  return visitor.open(new URL(visitor.page.url()).pathname + below);
};

/** A page below that of a key whose two secrets are in use. */
const rotatedKeyAt = (below: string) => async (visitor: Visitor) => {
  await rotatedKey(visitor);
  return visitor.open(new URL(visitor.page.url()).pathname + below);
};

/** A new key that was disabled, with the message that offers to undo that. */
async function undoableKey(visitor: Visitor): Promise<number> {
  await firstKey("")(visitor);
  return visitor.press("Disable");
}

/** Two keys chosen in the list, to be revoked or disabled. */
const chosenKeys = (action: string) => async (visitor: Visitor) => {
  const ids: string[] = [];
  for (const make of [busyKey, firstKey("")]) {
    await make(visitor);
    ids.push(visitor.page.url().split("/").at(-1) ?? "");
  }
  return visitor.open(`/settings/api-keys/${action}?${ids.map((id) => `key=${id}`).join("&")}`);
};

/** The page that asks before a device loses its key. */
async function someDevice(visitor: Visitor): Promise<number> {
  await approve(true)(visitor);
  await visitor.open("/settings/profile");
  return visitor.follow(() => visitor.page.getByRole("link", { name: "Revoke key…" }).first().click());
}

/** Somebody who was invited and has not come yet. */
async function invited(visitor: Visitor): Promise<number> {
  await visitor.open("/settings/members");
  await visitor.fill({ "Invite people": `ingrid-${Date.now()}@tidewater.example` });
  return visitor.press("Invite");
}

/** The first of the members, one page further. */
const member = (link: string) => async (visitor: Visitor) => {
  await visitor.open("/settings/members");
  const row = visitor.page.getByRole("row", { name: GUARDED.name });
  await row.getByRole("button", { name: /^Actions for/ }).click();
  return visitor.follow(() => visitor.page.getByRole("link", { name: link }).click());
};

/** The page of a new code, asked for from there. */
const newCode =
  (from = "") =>
  async ({ server }: Visitor) =>
    new URL((await askForCode(server, "thinkpad-alice", from)).verification_uri_complete).href;

/** The page of an app that asks for a login, with some parameters changed. */
const consent =
  (redirect?: string, changes: Record<string, string> = {}) =>
  async ({ server }: Visitor) =>
    (await App.register(server, redirect)).address(changes);

/** Approves a new code; what the device does then is told. */
const approve = (collect: boolean) => async (visitor: Visitor) => {
  const asked = await askForCode(visitor.server);
  await visitor.open(asked.verification_uri_complete);
  await visitor.page.getByLabel("I started this login on my own device").check();
  const status = await visitor.press("Approve");
  if (!collect) return status;
  await poll(visitor.server, asked);
  return visitor.open(asked.verification_uri_complete);
};

async function expire(visitor: Visitor): Promise<number> {
  const asked = await askForCode(visitor.server);
  const code = asked.user_code.replace("-", "");
  visitor.server.database.run(`UPDATE device_logins SET expires_at = created_at WHERE user_code = '${code}'`);
  return visitor.open(asked.verification_uri_complete);
}

/** A registered agent, with everything in it that can be long. */
async function someAgents(visitor: Visitor): Promise<number> {
  await visitor.open("/settings/api-keys/new");
  await visitor.fill({ Name: `agents-${Date.now()}` });
  await visitor.press("Create key");
  const key = (await visitor.page.locator("#plaintext").textContent()) ?? "";
  const client = new Client(visitor.server, key);
  for (const agent_id of ["billing-agent", `agent-${"long".repeat(40)}`]) {
    const servers = ["weather-mcp", "mail", "notes", `mcp-${"long".repeat(30)}`].map((id) => ({
      id,
      url: `https://${id.slice(0, 40)}.example/mcp/${"path/".repeat(30)}`,
      auth: id === "mail" ? { type: "bearer", token: "$TOKEN" } : "none",
      description: "Tells the weather of every place on earth, and what it was like before",
    }));
    const policy = { allow: ["weather-mcp.*", `notes.${"long".repeat(40)}`], deny: ["mail.send"] };
    const identity = { agent_id, user_id: "default", api_key: "$ARMORIQ_API_KEY" };
    await client.call("POST", "/iap/sdk/register", { identity, mcp_servers: servers, policy });
  }
  client.close();
  return visitor.open("/settings/agents");
}

const owePassword = (visitor: Visitor) => visitor.signIn(GUARDED.email);

// The server counts wrong passwords and codes by address: 30 in a quarter of an hour. Each test that walks a page marked
// with "counts" makes one, so a worker can walk about 15 of them with and without scripts.
export const PAGES: Listed[] = [
  { name: "start", path: "/", heading: "Latchkey is running", empty: true },
  { name: "set-up", path: "/setup", heading: "Set up Latchkey", empty: true, find: LINK },
  {
    name: "set-up-refused",
    path: "/setup",
    heading: "Set up Latchkey",
    status: 422,
    empty: true,
    find: LINK,
    then: send("Create account and organization", {
      "Your name": UNSEEN,
      Email: `${"a".repeat(65)}@tidewater.example`,
      Password: "short",
      Organization: UNSEEN,
    }),
  },
  {
    name: "set-up-over",
    path: "/setup?link=none",
    heading: "This setup link does not work",
    status: 404,
    empty: true,
  },

  { name: "sign-in", path: "/sign-in?next=%2Fsettings%2Fprofile", heading: "Sign in" },
  {
    name: "sign-in-refused", // counts
    path: "/sign-in",
    heading: "Sign in",
    status: 422,
    then: (visitor) => visitor.signIn("nobody@tidewater.example", "a wrong password"),
  },
  { name: "sign-in-code", path: "/sign-in", heading: "Enter your code", then: owePassword },
  {
    name: "sign-in-code-refused", // counts
    path: "/sign-in",
    heading: "Enter your code",
    status: 422,
    then: async (visitor) => {
      await owePassword(visitor);
      return send("Sign in", { Code: "no code" })(visitor);
    },
  },
  { name: "sign-up", path: "/sign-up", heading: "By invitation" },
  { name: "provider-away", path: "/auth/sso", heading: "SSO does not answer", status: 503 },
  { name: "provider-ended", path: "/auth/github/callback", heading: "This sign-in has ended", status: 400 },
  { name: "forgotten", path: "/reset", heading: "Forgotten password" },
  {
    name: "forgotten-refused",
    path: "/reset",
    heading: "Forgotten password",
    status: 422,
    then: send("Send link", { Email: `${"a".repeat(65)}@tidewater.example` }),
  },
  {
    name: "forgotten-sent", // counts
    path: "/reset",
    heading: "Check your email",
    then: send("Send link", { Email: "nobody@tidewater.example" }),
  },
  { name: "reset", path: "/reset", heading: "Set a new password", find: resetLink },
  {
    name: "reset-refused",
    path: "/reset",
    heading: "Set a new password",
    status: 422,
    find: resetLink,
    then: send("Set password", { "New password": "short" }),
  },
  { name: "reset-over", path: "/reset/none", heading: "This link has ended", status: 410 },

  { name: "not-found", path: "/no-such-page", heading: "Not found", status: 404 },
  { name: "no-organization", path: "/settings/profile", heading: /./, status: 403, who: "loner" },
  { name: "problem-403", path: "/gallery/problem/403", heading: /./, status: 403 },
  { name: "problem-404", path: "/gallery/problem/404", heading: "Not found", status: 404 },
  { name: "problem-500", path: "/gallery/problem/500", heading: "Something went wrong", status: 500 },
  { name: "problem-503", path: "/gallery/problem/503", heading: /./, status: 503 },

  { name: "overview", path: "/overview", heading: "Overview", who: "owner" },
  { name: "keys", path: "/settings/api-keys", heading: "API keys", who: "owner" },
  {
    name: "keys-no-match",
    path: "/settings/api-keys",
    heading: "API keys",
    who: "owner",
    then: async (visitor) => {
      await firstKey("")(visitor);
      return visitor.open("/settings/api-keys?q=omega");
    },
  },
  { name: "keys-dialog", path: "/settings/api-keys?dialog=create", heading: "API keys", who: "owner" },
  { name: "key-new", path: "/settings/api-keys/new", heading: "Create key", who: "owner" },
  {
    name: "key-new-refused",
    path: "/settings/api-keys/new",
    heading: "Create key",
    status: 422,
    who: "owner",
    then: send("Create key", { Name: UNSEEN }),
  },
  {
    name: "key-created",
    path: "/settings/api-keys/new",
    heading: "API keys",
    who: "owner",
    then: (visitor) => send("Create key", { Name: `walk-${Date.now()}` })(visitor),
  },
  { name: "key", path: "/settings/api-keys", heading: /^walk-/, who: "owner", then: firstKey("") },
  {
    name: "key-edit",
    path: "/settings/api-keys",
    heading: /^Edit walk-/,
    who: "owner",
    then: firstKey("/edit"),
  },
  {
    name: "key-rotate",
    path: "/settings/api-keys",
    heading: /^walk-/,
    who: "owner",
    then: firstKey("/rotate"),
  },
  {
    name: "key-revoke",
    path: "/settings/api-keys",
    heading: /^walk-/,
    who: "owner",
    then: firstKey("/revoke"),
  },

  {
    name: "key-disable",
    path: "/settings/api-keys",
    heading: /^walk-/,
    who: "owner",
    then: busyKeyAt("/disable"),
  },
  {
    name: "key-finish",
    path: "/settings/api-keys",
    heading: /^walk-/,
    who: "owner",
    then: rotatedKeyAt("/finish"),
  },
  {
    name: "key-finish-first",
    path: "/settings/api-keys",
    heading: /^walk-/,
    who: "owner",
    then: rotatedKeyAt("/rotate"),
  },
  { name: "key-undo", path: "/settings/api-keys", heading: /^walk-/, who: "owner", then: undoableKey },
  {
    name: "keys-disable",
    path: "/settings/api-keys",
    heading: /^Disable 2 keys/,
    who: "owner",
    then: chosenKeys("disable"),
  },
  { name: "key-busy", path: "/settings/api-keys", heading: /^walk-/, who: "owner", then: busyKey },
  { name: "key-refused", path: "/settings/api-keys", heading: /^walk-/, who: "owner", then: refusedKey("") },
  {
    name: "key-reasons",
    path: "/settings/api-keys",
    heading: /^walk-/,
    who: "owner",
    then: refusedKey("?by=reason"),
  },
  {
    name: "key-allow",
    path: "/settings/api-keys",
    heading: /^walk-/,
    who: "owner",
    then: refusedKey("/allow?address=127.0.0.1"),
  },
  {
    name: "key-allow-refused",
    path: "/settings/api-keys",
    heading: /^walk-/,
    status: 422,
    who: "owner",
    then: async (visitor) => {
      await refusedKey("/allow?address=127.0.0.1")(visitor);
      return send("Allow address", { "Address or range": "203.0.113.0/24" })(visitor);
    },
  },
  {
    name: "refusals",
    path: "/settings/api-keys",
    heading: "Recent requests",
    who: "owner",
    then: refusedKey("/refusals"),
  },
  {
    name: "refusals-none",
    path: "/settings/api-keys",
    heading: "Recent requests",
    who: "owner",
    then: firstKey("/refusals"),
  },
  {
    name: "refusals-of-all",
    path: "/settings/api-keys",
    heading: "Refused requests",
    who: "owner",
    then: async (visitor) => {
      await refusedKey("")(visitor);
      return visitor.open("/settings/api-keys/refusals?from=2026-01-01T00:00:00Z");
    },
  },
  {
    name: "refusals-wrong-time",
    path: "/settings/api-keys/refusals?from=soon",
    heading: "Refused requests",
    who: "owner",
  },
  {
    name: "refusals-sampled",
    path: "/settings/api-keys",
    heading: "Recent requests",
    who: "owner",
    then: async (visitor) => {
      await refusedKey("/refusals")(visitor);
      await visitor.page.getByLabel("Log accepted calls").selectOption("10");
      return visitor.press("Save");
    },
  },
  { name: "key-rotating", path: "/settings/api-keys", heading: /^walk-/, who: "owner", then: rotatedKey },
  { name: "key-leaked", path: "/settings/api-keys", heading: /^walk-/, who: "owner", then: leakedKey },
  { name: "key-revoked", path: "/settings/api-keys", heading: /^walk-/, who: "owner", then: revokedKey },
  {
    name: "keys-revoke",
    path: "/settings/api-keys",
    heading: /^Revoke 2 keys/,
    who: "owner",
    then: chosenKeys("revoke"),
  },
  {
    name: "keys-some",
    path: "/settings/api-keys",
    heading: "API keys",
    who: "owner",
    then: async (visitor) => {
      await rotatedKey(visitor);
      await revokedKey(visitor);
      return visitor.open("/settings/api-keys");
    },
  },
  {
    name: "overview-busy",
    path: "/overview",
    heading: "Overview",
    who: "owner",
    then: async (visitor) => {
      await busyKey(visitor);
      return visitor.open("/overview");
    },
  },
  { name: "overview-month", path: "/overview?range=30d", heading: "Overview", who: "owner" },

  { name: "members", path: "/settings/members", heading: "Members", who: "owner" },
  { name: "members-invited", path: "/settings/members", heading: "Members", who: "owner", then: invited },
  {
    name: "members-refused",
    path: "/settings/members",
    heading: "Members",
    status: 422,
    who: "owner",
    then: send("Invite", { "Invite people": `${"a".repeat(65)}@tidewater.example` }),
  },
  {
    name: "member-role",
    path: "/settings/members",
    heading: "Change role",
    who: "owner",
    then: member("Change role…"),
  },
  {
    name: "member-remove",
    path: "/settings/members",
    heading: /^Remove /,
    who: "owner",
    then: member("Remove…"),
  },
  {
    name: "invite",
    path: "/settings/members",
    heading: /^Join /,
    who: "owner",
    then: async (visitor) => {
      await invited(visitor);
      const link = await visitor.page.locator("#invite-links code").first().innerText();
      return visitor.open(link);
    },
  },
  { name: "organization", path: "/settings/organization", heading: "Organization", who: "owner" },
  { name: "organization-plan", path: "/settings/organization/plan", heading: "Change plan", who: "owner" },
  {
    name: "organization-plan-same",
    path: "/settings/organization/plan?plan=agency",
    heading: "Change to Agency?",
    who: "owner",
  },
  {
    name: "organization-plan-stops",
    path: "/settings/organization/plan?plan=free",
    heading: "Change to Free and stop all keys?",
    who: "owner",
    then: async (visitor) => {
      await busyKey(visitor);
      return visitor.open("/settings/organization/plan?plan=free");
    },
  },
  {
    name: "organization-plan-refused",
    path: "/settings/organization/plan?plan=free",
    heading: "Change to Free and stop all keys?",
    status: 422,
    who: "owner",
    then: async (visitor) => {
      await visitor.page.getByLabel(/to confirm$/).fill("Free");
      return visitor.press("Change to Free");
    },
  },
  { name: "organization-delete", path: "/settings/organization/delete", heading: /^Delete /, who: "owner" },
  {
    name: "leaked-keys",
    path: "/settings/organization/leaked-keys",
    heading: "Leaked keys",
    who: "owner",
  },
  { name: "organization-new", path: "/organizations/new", heading: /./, who: "owner" },
  { name: "protect", path: "/settings/protect", heading: "Protect your API", who: "owner" },
  { name: "protect-nginx", path: "/settings/protect?for=nginx", heading: "Protect your API", who: "owner" },
  {
    name: "protect-wrong-query",
    path: "/settings/protect?for=express&permissions=walk.read+and",
    heading: "Protect your API",
    who: "owner",
  },
  {
    name: "protect-error",
    path: "/settings/protect",
    heading: "Protect your API",
    who: "owner",
    status: 422,
    then: async (visitor) => {
      await visitor.page.locator("#t-key").fill("ak_live_x");
      await visitor.page.locator("#t-ip").fill("10.0.0");
      return visitor.press("Check key");
    },
  },
  {
    name: "protect-valid",
    path: "/settings/protect",
    heading: "Protect your API",
    who: "owner",
    then: triedKey(false),
  },
  {
    name: "protect-refused",
    path: "/settings/protect",
    heading: "Protect your API",
    who: "owner",
    then: triedKey(true),
  },
  { name: "audit-log", path: "/settings/audit-log", heading: "Audit log", who: "owner" },
  {
    name: "audit-log-none",
    path: "/settings/audit-log?action=key.revoked&actor=nobody@x.example",
    heading: "Audit log",
    who: "owner",
  },

  { name: "search", path: "/search", heading: "Search", who: "owner" },
  { name: "search-some", path: "/search?q=al", heading: "Search", who: "owner" },
  { name: "search-none", path: "/search?q=xyzzy", heading: "Search", who: "owner" },

  { name: "permissions", path: "/settings/permissions", heading: "Permissions", who: "owner" },
  {
    name: "permissions-some",
    path: "/settings/permissions",
    heading: "Permissions",
    who: "owner",
    then: somePermission(""),
  },
  {
    name: "permissions-refused",
    path: "/settings/permissions",
    heading: "Permissions",
    status: 422,
    who: "owner",
    then: send("Add", { Name: "Invoices.Read" }),
  },
  {
    name: "permission-edit",
    path: "/settings/permissions",
    heading: /^Edit walk\./,
    who: "owner",
    then: somePermission("Edit"),
  },
  {
    name: "permission-remove",
    path: "/settings/permissions",
    heading: /^Remove walk\./,
    who: "owner",
    then: somePermission("Remove…"),
  },
  { name: "key-of-customer", path: "/settings/api-keys", heading: /^walk-/, who: "owner", then: customerKey },

  { name: "key-policy", path: "/settings/key-policy", heading: "Key policy", who: "owner" },
  {
    name: "key-policy-preview",
    path: "/settings/key-policy",
    heading: "Key policy",
    who: "owner",
    then: async (visitor) => {
      await firstKey("")(visitor);
      await visitor.open("/settings/key-policy");
      await visitor.page.getByLabel("Allowed kinds", { exact: true }).check();
      await visitor.page.getByLabel("Live", { exact: true }).uncheck();
      return visitor.press("Preview changes");
    },
  },
  {
    name: "key-policy-refused",
    path: "/settings/key-policy",
    heading: "Key policy",
    status: 422,
    who: "owner",
    then: async (visitor) => {
      await visitor.page.getByLabel("Allowed addresses", { exact: true }).check();
      await visitor.page.locator("#f-allowed_ranges").fill("203.0.113.300");
      return visitor.press("Preview changes");
    },
  },
  { name: "approvals", path: "/approvals", heading: "Approvals", who: "owner" },
  { name: "approvals-own", path: "/approvals?state=mine", heading: "Approvals", who: "owner" },
  {
    name: "approvals-some",
    path: "/approvals",
    heading: "Approvals",
    who: "owner",
    then: someApproval(true),
  },
  {
    name: "approval",
    path: "/approvals",
    heading: /Create the key/,
    who: "owner",
    then: someApproval(false),
  },
  { name: "webhooks", path: "/settings/webhooks", heading: "Webhooks", who: "owner" },
  { name: "webhook-new", path: "/settings/webhooks/new", heading: "Add webhook", who: "owner" },
  {
    name: "webhook-refused",
    path: "/settings/webhooks/new",
    heading: "Add webhook",
    status: 422,
    who: "owner",
    then: send("Add webhook", { Address: "https://10.0.0.1/" }),
  },
  {
    name: "webhook",
    path: "/settings/webhooks",
    heading: /^1\.1\.1\.1$/,
    who: "owner",
    then: someWebhook(""),
  },
  {
    name: "webhook-rotate",
    path: "/settings/webhooks",
    heading: "Rotate signing secret",
    who: "owner",
    then: someWebhook("/rotate-secret"),
  },
  {
    name: "webhook-remove",
    path: "/settings/webhooks",
    heading: "Remove 1.1.1.1",
    who: "owner",
    then: someWebhook("/remove"),
  },

  {
    name: "agent-connect",
    path: "/settings/agents/connect",
    heading: "Connect an agent",
    who: "owner",
  },
  {
    name: "agent-connect-key",
    path: "/settings/agents/connect?client=vscode&way=key",
    heading: "Connect an agent",
    who: "owner",
  },
  {
    name: "agent-request",
    path: "/settings/agents",
    heading: "An agent asks for a new key",
    who: "owner",
    then: someAgentRequest("create_key"),
  },
  {
    name: "agent-request-rotate",
    path: "/settings/agents",
    heading: "An agent asks to rotate a key",
    who: "owner",
    then: someAgentRequest("rotate_key"),
  },
  {
    name: "agent-request-error",
    path: "/settings/agents",
    heading: "An agent asks for a new key",
    status: 422,
    who: "owner",
    then: async (visitor) => {
      const name = await askAsAgent(visitor, "create_key");
      const here = visitor.page.url();
      // Somebody takes the name meanwhile.
      await visitor.open("/settings/api-keys/new");
      await visitor.fill({ Name: name });
      await visitor.press("Create key");
      await visitor.follow(() => visitor.page.getByRole("link", { name: "I've saved it" }).click());
      await visitor.open(here);
      return visitor.press("Create key");
    },
  },
  {
    name: "agent-request-declined",
    path: "/settings/agents",
    heading: "Request declined",
    who: "owner",
    then: async (visitor) => {
      await askAsAgent(visitor, "create_key");
      return visitor.press("Decline");
    },
  },
  {
    name: "agent-request-done",
    path: "/settings/agents",
    heading: "Key created",
    who: "owner",
    then: async (visitor) => {
      await askAsAgent(visitor, "create_key");
      return visitor.press("Create key");
    },
  },

  { name: "agents", path: "/settings/agents", heading: "Agents", who: "owner" },
  { name: "agents-some", path: "/settings/agents", heading: "Agents", who: "owner", then: someAgents },
  {
    name: "agent",
    path: "/settings/agents",
    heading: "billing-agent",
    who: "owner",
    then: async (visitor) => {
      await someAgents(visitor);
      return visitor.follow(() => visitor.page.getByRole("link", { name: "billing-agent" }).click());
    },
  },
  {
    name: "agent-remove",
    path: "/settings/agents",
    heading: "Remove billing-agent?",
    who: "owner",
    then: async (visitor) => {
      await someAgents(visitor);
      await visitor.follow(() => visitor.page.getByRole("link", { name: "billing-agent" }).click());
      return visitor.follow(() => visitor.page.getByRole("link", { name: "Remove agent…" }).click());
    },
  },

  { name: "profile", path: "/settings/profile", heading: "Profile", who: "owner" },
  {
    name: "profile-device",
    path: "/settings/profile",
    heading: /^Revoke the key of /,
    who: "owner",
    then: someDevice,
  },
  { name: "profile-guarded", path: "/settings/profile", heading: "Profile", who: "guarded" },
  {
    name: "profile-refused",
    path: "/settings/profile",
    heading: "Profile",
    status: 422,
    who: "owner",
    then: send("Save name", { Name: UNSEEN }),
  },
  {
    name: "profile-saved",
    path: "/settings/profile",
    heading: "Profile",
    who: "owner",
    then: send("Save name", { Name: OWNER.name }),
  },
  { name: "password", path: "/settings/profile/password", heading: "Change password", who: "owner" },
  {
    name: "password-refused",
    path: "/settings/profile/password",
    heading: "Change password",
    status: 422,
    who: "owner",
    then: send("Change password", { "Current password": PASSWORD, "New password": "short" }),
  },
  {
    name: "method-link",
    path: "/settings/profile/sign-in-methods/github",
    heading: "Link GitHub",
    who: "owner",
  },
  {
    name: "method-refused", // counts
    path: "/settings/profile/sign-in-methods/github",
    heading: "Link GitHub",
    status: 422,
    who: "owner",
    then: send("Continue to GitHub", { "Your password": "a wrong password" }),
  },
  {
    name: "method-leaving",
    path: "/settings/profile/sign-in-methods/github",
    heading: "Link GitHub",
    who: "owner",
    then: send("Continue to GitHub", { "Your password": PASSWORD }),
  },
  {
    name: "factor",
    path: "/settings/profile/second-factor",
    heading: "Set up a second factor",
    who: "owner",
  },
  {
    name: "factor-refused",
    path: "/settings/profile/second-factor",
    heading: "Set up a second factor",
    status: 422,
    who: "owner",
    then: send("Turn on", { "Code that the app shows now": "no code", "Your password": PASSWORD }),
  },
  {
    name: "factor-off",
    path: "/settings/profile/second-factor/off",
    heading: "Turn the second factor off",
    who: "guarded",
  },
  {
    name: "factor-off-refused", // counts
    path: "/settings/profile/second-factor/off",
    heading: "Turn the second factor off",
    status: 422,
    who: "guarded",
    then: send("Turn off", { "Your password": "a wrong password", Code: "no code" }),
  },
  {
    name: "codes",
    path: "/settings/profile/recovery-codes",
    heading: "New recovery codes",
    who: "guarded",
  },
  {
    name: "codes-refused", // counts
    path: "/settings/profile/recovery-codes",
    heading: "New recovery codes",
    status: 422,
    who: "guarded",
    then: send("Create new codes", { "Your password": "a wrong password", Code: "no code" }),
  },
  {
    name: "codes-shown",
    path: "/settings/profile/recovery-codes",
    heading: "New recovery codes",
    who: "guarded",
    then: (visitor) => {
      const fields = { "Your password": PASSWORD, Code: guardedCode(visitor.server) };
      return send("Create new codes", fields)(visitor);
    },
  },

  {
    name: "consent",
    path: "/oauth/authorize",
    heading: "Let Claude Code connect?",
    who: "owner",
    find: consent(undefined, { scope: "viewer member admin" }),
  },
  {
    name: "consent-unverified",
    path: "/oauth/authorize",
    heading: "Let Claude Code connect?",
    who: "owner",
    find: consent("https://app.routewise.example/callback", { scope: "viewer" }),
  },
  {
    name: "consent-nowhere",
    path: "/oauth/authorize",
    heading: "You cannot approve this login",
    who: "loner",
    find: consent(),
  },
  {
    name: "consent-error",
    path: "/oauth/authorize",
    heading: "This app cannot connect",
    status: 400,
    who: "owner",
    find: consent(undefined, { redirect_uri: `http://127.0.0.1:53682/callback/${"long".repeat(40)}` }),
  },
  {
    name: "consent-unknown",
    path: "/oauth/authorize?client_id=none",
    heading: "This app cannot connect",
    status: 400,
    who: "owner",
  },
  { name: "device", path: "/auth/device", heading: "Connect a device", who: "owner" },
  {
    name: "device-unknown",
    path: "/auth/device?code=BBBB-BBBB",
    heading: "Connect a device",
    who: "owner",
  },
  {
    name: "device-pending",
    path: "/auth/device",
    heading: "Approve this login?",
    who: "owner",
    find: newCode(),
  },
  {
    name: "device-elsewhere",
    path: "/auth/device",
    heading: "Approve this login?",
    who: "owner",
    find: newCode("198.51.100.9"),
  },
  {
    name: "device-refused",
    path: "/auth/device",
    heading: "Approve this login?",
    status: 422,
    who: "owner",
    find: newCode("198.51.100.9"),
    then: async (visitor) => {
      await visitor.page.getByLabel("I started this login on my own device").check();
      return send("Approve", { "Type the code that your terminal shows": "BBBB-BBBB" })(visitor);
    },
  },
  {
    name: "device-choice-refused",
    path: "/auth/device",
    heading: "Approve this login?",
    status: 422,
    who: "owner",
    find: newCode(),
    then: async (visitor) => {
      await visitor.page.getByRole("radio", { name: "Viewer" }).check({ force: true });
      await visitor.page.getByRole("radio", { name: "Custom" }).check({ force: true });
      await visitor.page.getByLabel("I started this login on my own device").check();
      return visitor.press("Approve");
    },
  },
  {
    name: "device-nowhere",
    path: "/auth/device",
    heading: "You cannot approve this login",
    who: "loner",
    find: newCode(),
  },
  {
    name: "device-approved",
    path: "/auth/device",
    heading: "Return to your terminal",
    who: "owner",
    then: approve(false),
  },
  {
    name: "device-connected",
    path: "/auth/device",
    heading: "Return to your terminal",
    who: "owner",
    then: approve(true),
  },
  {
    name: "device-denied",
    path: "/auth/device",
    heading: "Login denied",
    who: "owner",
    find: newCode(),
    then: send("Deny", {}),
  },
  {
    name: "device-expired",
    path: "/auth/device",
    heading: "This code has expired",
    who: "owner",
    then: expire,
  },

  { name: "gallery", path: "/gallery", heading: "Gallery" },
  { name: "gallery-long", path: "/gallery?long=1&toast=failed", heading: "Gallery" },
  { name: "gallery-dialog", path: "/gallery?dialog=1", heading: "Gallery" },
  {
    name: "gallery-refused",
    path: "/gallery",
    heading: "Gallery",
    status: 422,
    then: async (visitor) => {
      const form = visitor.page.locator("form", { hasText: "Name it after the program" });
      await form.getByLabel("Name", { exact: true }).fill("ci-deploy");
      return visitor.follow(() => form.getByRole("button", { name: "Create key" }).click());
    },
  },
  { name: "gallery-solo", path: "/gallery/solo", heading: /./ },
];
