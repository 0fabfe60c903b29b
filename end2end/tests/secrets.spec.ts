// What must not be kept or said: secrets of every kind are made and used, right and wrong, and then looked for in the
// files of the database, in a backup, in the log at its most talkative, in what the API and the pages say later. The same
// search is given a leak that it must find.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Seeded, Client, seed } from "../support/api.ts";
import type { Engine } from "../support/database.ts";
import { askForCode, poll } from "../support/device.ts";
import { OWNER, PASSWORD } from "../support/people.ts";
import type { Server } from "../support/server.ts";
import { expect, test } from "../support/test.ts";
import { type Answer, get } from "../support/wire.ts";

/** By name: texts of which none may be seen anywhere. */
type Secrets = Map<string, string[]>;
/** By name: all that was kept or said there. */
type Places = Map<string, string>;

/** A token's secret part in three pieces: half a leak is one. What stands before is public. */
function pieces(token: string): string[] {
  const tail = token.slice(-49);
  return [tail.slice(0, 16), tail.slice(16, 32), tail.slice(33)];
}

const hits = (places: Places, secrets: Secrets): string[] =>
  [...places].flatMap(([place, text]) =>
    [...secrets]
      .filter(([, texts]) => texts.some((secret) => text.includes(secret)))
      .map(([secret]) => `${secret} in ${place}`),
  );

const flip = (text: string, at: number) =>
  text.slice(0, at) + (text[at] === "x" ? "y" : "x") + text.slice(at + 1);

/** The first account by the printed link, and a link with which it could set a new password. */
async function people(server: Server, secrets: Secrets): Promise<string> {
  const link = new URL(server.setupLink).searchParams.get("link") ?? "";
  const form = new URLSearchParams({
    link,
    name: OWNER.name,
    email: OWNER.email,
    password: PASSWORD,
    organization: OWNER.organization,
  });
  const client = new Client(server, "");
  const made = await client.call("POST", "/setup", form.toString(), {
    "content-type": "application/x-www-form-urlencoded",
    origin: server.url,
    accept: "text/html",
  });
  client.close();
  expect(made.status, made.body).toBe(200);
  const cookies = (made.headers["set-cookie"] ?? []).map((line) => line.split(";")[0] ?? "");
  const reset = /\/([\w-]+)\s/.exec((await server.admin("reset-password", OWNER.email)) + "\n")?.[1];
  secrets.set("the setup link", [link]);
  secrets.set("a password", [PASSWORD, encodeURIComponent(PASSWORD)]);
  secrets.set("a reset link", [reset ?? ""]);
  for (const cookie of cookies)
    secrets.set(`the cookie ${cookie.split("=")[0]}`, [cookie.slice(cookie.indexOf("=") + 1)]);
  return cookies.join("; ");
}

/** Keys are made, rotated and used in every way that the API has, and a few that it refuses. */
async function use(server: Server, { org, key }: Seeded, secrets: Secrets): Promise<Client> {
  const client = new Client(server, key);
  const bearer = { authorization: `Bearer ${key}` };
  const repeat = (text: string) => {
    secrets.set(`the idempotency key ${text.slice(0, 8)}…`, [text]);
    return { ...bearer, "idempotency-key": text };
  };
  const plaintext = (answer: Answer, status: number) => {
    expect(answer.status, answer.body).toBe(status);
    return JSON.parse(answer.body) as { id: string; key: string };
  };
  const once = repeat("create-6dd0c1f24a9b");
  const made = plaintext(await client.call("POST", "/api/v1/keys", { name: "made" }, once), 201);
  await client.call("POST", "/api/v1/keys", { name: "made" }, once);
  const path = `/api/v1/keys/${made.id}/rotate`;
  const rotated = plaintext(
    await client.call("POST", path, { overlap_seconds: 60 }, repeat("rotate-91b7e0c35d84")),
    200,
  );
  const test = plaintext(await client.call("POST", "/api/v1/keys", { name: "test", kind: "test" }), 201);
  const revoked = plaintext(await client.call("POST", "/api/v1/keys", { name: "revoked" }), 201);
  await client.call("POST", `/api/v1/keys/${revoked.id}/revoke`, {});

  const seedling = join(import.meta.dirname, "../bench/seed.py");
  const nobodys = execFileSync("python3", [seedling, "unknown", "--keys", "1"], { encoding: "utf8" }).trim();
  const tokens: Record<string, string> = {
    "the first key": key,
    "a created key": made.key,
    "a rotated key": rotated.key,
    "a test key": test.key,
    "a revoked key": revoked.key,
    "a key that is nobody's": nobodys,
    "a key with a wrong character": flip(flip(made.key, 30), 40),
    "a key with a wrong secret": made.key.slice(0, 21) + nobodys.slice(21),
  };
  for (const [name, token] of Object.entries(tokens)) {
    secrets.set(name, pieces(token));
    const ways: Record<string, string>[] = [
      { authorization: `Bearer ${token}` },
      { authorization: `bearer  ${token}`, "x-api-key": token },
      { "x-api-key": token },
      { "x-api-key": `${token} ${token}` },
      { authorization: `Basic ${token}` },
      { authorization: `Bearer ${token}`, "x-api-key": flip(token, 25) },
    ];
    for (const headers of ways)
      for (const door of [`/api/v1/authorize?org=${org}`, "/api/v1/me", "/api/v1/keys?limit=1"])
        await client.call("GET", door, undefined, headers);
    for (const question of [{ key: token }, { key: token, ip: "nowhere" }, { key: token, ip: token }])
      await client.call("POST", "/api/v1/keys/verify", question);
    // In places where it has no business.
    await client.call("GET", `/api/v1/keys?q=${token}`);
    await client.call("GET", `/api/v1/keys/${token}`);
    await client.call("GET", `/no-such-page/${token}?key=${token}`);
    await client.call("POST", "/api/v1/keys", { name: "wrong", kind: token });
    await client.call("POST", "/api/v1/keys", `{"name": "wrong", "${token}`, {
      ...bearer,
      "content-type": "application/json",
    });
  }
  return client;
}

/** A command line logs in through the browser of whoever has the cookie. */
async function logIn(server: Server, cookie: string, secrets: Secrets): Promise<void> {
  const asked = await askForCode(server);
  const page = await get(asked.verification_uri_complete, { accept: "text/html", cookie });
  const field = (name: string) => new RegExp(`name="${name}" value="([^"]+)"`).exec(page.body)?.[1] ?? "";
  const form = new URLSearchParams({
    token: field("token"),
    code: asked.user_code,
    org: field("org"),
    mine: "yes",
    verdict: "approve",
  });
  const client = new Client(server, "");
  const approved = await client.call("POST", "/auth/device", form.toString(), {
    "content-type": "application/x-www-form-urlencoded",
    origin: server.url,
    accept: "text/html",
    cookie,
  });
  client.close();
  expect(approved.status, approved.body).toBe(303);
  const told = await poll(server, asked);
  expect(told.status).toBe(200);
  secrets.set("a device code", [asked.device_code]);
  secrets.set("the key of a login", pieces(String(told.body["access_token"])));
}

/** The database as the machine keeps it, what is not yet written back included. */
function files(engine: Engine, server: Server): string {
  const read = (folder: string, fits: (name: string) => boolean) =>
    readdirSync(folder)
      .filter(fits)
      .map((name) => readFileSync(join(folder, name), "latin1"))
      .join("\n");
  if (engine === "sqlite") return read(server.folder, (name) => name.startsWith("latchkey.db"));
  server.database.run("CHECKPOINT");
  const [folder = ""] = server.database.texts("SHOW data_directory");
  const [oid = ""] = server.database.texts("SELECT oid FROM pg_database WHERE datname = current_database()");
  return (
    read(join(folder, "base", oid), (name) => /^\d/.test(name)) +
    read(join(folder, "pg_wal"), (name) => /^[0-9A-F]{24}$/.test(name))
  );
}

async function backup(engine: Engine, server: Server, name: string): Promise<string> {
  const file = join(server.folder, name);
  await server.admin("backup", file);
  if (engine === "sqlite") return readFileSync(file, "latin1");
  const program = join(process.env["LATCHKEY_TEST_PG_BIN"] ?? "", "pg_restore");
  return execFileSync(program, ["-f", "-", file], { encoding: "latin1", maxBuffer: 1 << 28 });
}

/** Every page that somebody signed in comes to by links. */
async function pages(server: Server, cookie: string): Promise<string> {
  const seen = new Set(["/", "/settings/profile"]);
  // Of a list's many filters and orders some are enough.
  const variants = new Map<string, number>();
  let all = "";
  for (const path of seen) {
    const [place = ""] = path.split("?");
    variants.set(place, (variants.get(place) ?? 0) + 1);
    if ((variants.get(place) ?? 0) > 5) continue;
    const { headers, body } = await get(server.url + path, { accept: "text/html", cookie });
    all += JSON.stringify(headers) + body;
    for (const [, href = ""] of body.matchAll(/<a\b[^>]*\bhref="(\/[^"#]*)"/g))
      seen.add(href.replaceAll("&amp;", "&"));
  }
  expect(all).toContain(OWNER.email);
  return all;
}

async function answers(client: Client, { org }: Seeded): Promise<string> {
  const list = await client.call("GET", "/api/v1/keys");
  const { data } = JSON.parse(list.body) as { data: { id: string }[] };
  const paths = ["/api/v1/me", "/api/v1/audit", `/api/v1/authorize?org=${org}`, "/metrics"];
  for (const { id } of data) paths.push(`/api/v1/keys/${id}`, `/api/v1/keys/${id}/usage`);
  const all = [list];
  for (const path of paths) all.push(await client.call("GET", path));
  return all.map(({ headers, body }) => JSON.stringify(headers) + body).join("\n");
}

test("no secret is kept or said, and a planted one is found", async ({ engine, serve }) => {
  const server = await serve({ LATCHKEY_LOG: "trace" });
  const secrets: Secrets = new Map();
  const cookie = await people(server, secrets);
  const seeded = seed(server);
  const mine = `(SELECT id FROM organizations WHERE name = '${OWNER.organization}')`;
  server.database.run(`UPDATE keys SET org_id = ${mine}, created_by = (SELECT user_id FROM memberships
    WHERE org_id = ${mine})`);
  const home = { ...seeded, org: server.database.texts("SELECT org_id FROM keys")[0] ?? "" };
  await logIn(server, cookie, secrets);
  const client = await use(server, home, secrets);
  expect([...secrets.values()].flat().filter((text) => text.length < 12)).toEqual([]);
  expect((await client.call("GET", "/api/v1/me")).status).toBe(200);
  // Until what was counted is written, with who called.
  await expect
    .poll(() => server.database.texts("SELECT user_agent || address FROM callers").length, {
      timeout: 10_000,
    })
    .toBeGreaterThan(0);

  const search = async (copy: string): Promise<Places> =>
    new Map([
      ["the files of the database", files(engine, server)],
      ["a backup", await backup(engine, server, copy)],
      ["the answers of the API", await answers(client, home)],
      ["the OpenAPI document", (await client.call("GET", "/api/v1/openapi.json")).body],
      ["the pages", await pages(server, cookie)],
      ["the log", server.log],
    ]);

  const places = await search("first.copy");
  for (const [place, text] of places) expect(text.length, place).toBeGreaterThan(1_000);
  expect(places.get("the log")?.includes("db.statement="), "statements are in the log").toBe(true);
  // The one thing that is printed for people to read; it shows that the log is searched.
  expect(hits(places, secrets)).toEqual(["the setup link in the log"]);

  const [id = ""] = server.database.texts("SELECT id FROM keys WHERE name = 'made'");
  const leak = secrets.get("a created key")?.[1];
  const noted = await client.call("PATCH", `/api/v1/keys/${id}`, { note: `see ${leak}` });
  expect(noted.status, noted.body).toBe(200);
  server.database.run(`UPDATE users SET name = '${secrets.get("a revoked key")?.[0]}'`);
  expect(hits(await search("second.copy"), secrets).sort()).toEqual(
    [
      "a created key in a backup",
      "a created key in the answers of the API",
      "a created key in the files of the database",
      "a created key in the pages",
      "a revoked key in a backup",
      "a revoked key in the answers of the API",
      "a revoked key in the files of the database",
      "a revoked key in the pages",
      "the setup link in the log",
    ].sort(),
  );
  client.close();
});
