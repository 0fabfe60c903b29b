// An organization whose keys look as if they had been in use for months, on SQLite.
import { Client } from "../support/api.ts";
import type { Visitor } from "../support/people.ts";
import type { Server } from "../support/server.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

interface Example {
  name: string;
  role: "viewer" | "member" | "admin";
  kind?: "test" | "claw";
  note?: string;
  ranges?: string[];
  limit?: number;
  /** Days since it was created. */
  age: number;
  /** Days until it expires. */
  expires?: number;
  /** Requests in a quiet hour; 0: never used. */
  requests: number;
  /** Minutes since the last request. */
  idle?: number;
}

/** The key whose page is in a picture. */
const BOOKING: Example = {
  name: "Booking API",
  role: "admin",
  note: "vault: booking/production",
  ranges: ["203.0.113.0/24", "198.51.100.16/28"],
  limit: 3_000,
  age: 152,
  expires: 213,
  requests: 140,
  idle: 0,
};

const EXAMPLES: Example[] = [
  { name: "Rates import", role: "member", age: 9, expires: 83, requests: 0 },
  { name: "Laptop of Bob", role: "member", kind: "claw", age: 3, expires: 27, requests: 1, idle: 190 },
  { name: "Nightly export", role: "viewer", ranges: ["10.20.0.0/16"], age: 118, requests: 4, idle: 41 },
  { name: "Staging tests", role: "member", kind: "test", age: 44, expires: 136, requests: 9, idle: 6 },
  { name: "Harbor Lines", role: "viewer", limit: 600, age: 61, expires: 5, requests: 22, idle: 2 },
  { name: "Dispatch service", role: "member", age: 203, expires: 162, requests: 65, idle: 1 },
  BOOKING,
];

/** Creates the keys with a key of the owner's. Returns the path of one key's page. */
export async function createKeys(owner: Visitor): Promise<string> {
  await owner.open("/settings/api-keys/new");
  await owner.fill({ Name: "Terraform" });
  await owner.page.locator('input[name="role"][value="owner"]').check({ force: true });
  await owner.press("Create key");
  const client = new Client(owner.server, (await owner.page.locator("#plaintext").textContent()) ?? "");
  let path = "";
  for (const example of EXAMPLES) {
    const { name, role, kind, note, ranges } = example;
    const { status, body } = await client.call("POST", "/api/v1/keys", {
      name,
      role,
      kind,
      note,
      allowed_ranges: ranges,
    });
    if (status !== 201) throw new Error(`${name}: ${status} ${body}`);
    if (example === BOOKING) path = `/settings/api-keys/${(JSON.parse(body) as { id: string }).id}`;
    addHistory(owner.server, example);
  }
  client.close();
  owner.server.database.run("UPDATE keys SET created_by_key = NULL");
  return path;
}

/** Dates a key back and adds 30 days of requests: more by day and less at weekends, and some over the limit in the
 * busiest hours. */
function addHistory({ database }: Server, { name, age, expires, limit, requests, idle }: Example): void {
  const now = Date.now();
  const created = now - age * DAY;
  const used = idle === undefined ? 0 : now - idle * MINUTE - 4_000;
  const hours = Math.min(age, 30) * 24;
  const last = Math.floor(used / HOUR);
  const key = `FROM keys, (
      WITH RECURSIVE hours (hour) AS (SELECT ${last} UNION ALL SELECT hour - 1 FROM hours WHERE hour > ${last - hours})
      SELECT hour, 12 - ABS(hour % 24 - 13) + (hour * 7919 % 101) / 40 AS busy FROM hours
    ) WHERE name = '${name}'`;
  database.run(`
    UPDATE keys SET created_at = ${created}, expires_at = ${expires ? now + expires * DAY : "NULL"},
      rate_limit = ${limit ?? "NULL"} WHERE name = '${name}';
    UPDATE audit SET at = ${created} WHERE target_name = '${name}';`);
  if (requests === 0) return;
  database.run(`
    INSERT INTO usage_hours (secret_id, hour, outcome, key_id, org_id, requests)
      SELECT secret_id, hour, 'valid', id, org_id, ${requests} * (busy + 2) / (1 + (hour / 24 % 7 IN (2, 3))) + hour * 31 % ${requests} ${key};
    INSERT INTO usage_hours (secret_id, hour, outcome, key_id, org_id, requests)
      SELECT secret_id, hour, 'rate_limited', id, org_id, ${requests} * (busy - 9) ${key}
      AND busy > 10 AND rate_limit IS NOT NULL;
    INSERT INTO usage_days (key_id, day, calls, requests, org_id)
      SELECT usage_hours.key_id, hour / 24, SUM(requests), SUM(requests), keys.org_id FROM usage_hours JOIN keys ON keys.id = key_id
      WHERE name = '${name}' AND outcome = 'valid' GROUP BY 1, 2, 5;
    UPDATE keys SET last_used_at = ${used},
      calls = (SELECT SUM(requests) FROM usage_hours WHERE key_id = keys.id AND outcome = 'valid')
      WHERE name = '${name}';
    INSERT INTO callers (key_id, secret_id, address, user_agent, first_at, last_at, accepted_at, requests)
      SELECT id, secret_id, column1, column2, ${created}, ${used} - column3 * ${MINUTE}, 0, calls / column4
      FROM keys, (VALUES ('203.0.113.24', 'booking-web/4.2', 0, 2), ('203.0.113.25', 'booking-web/4.2', 1, 3),
        ('198.51.100.18', 'booking-worker/2.9', 12, 7)) WHERE name = '${name}';`);
}
