// `npm run bench:list`: how soon the pages of keys answer in an organization with a million of them. On SQLite, and on the
// PostgreSQL that `.tools/with-postgres` runs if there is one. Ends with 1 when a target is missed.
import { readFileSync, rmSync } from "node:fs";
import { globalAgent, request } from "node:http";
import { engines, runSql } from "./databases.mjs";
import { folder, report, row, start } from "./server.mjs";

const KEYS = 1_000_000;
const ASKED = 50;
const TARGET_MS = 20;
const DAY = 86_400_000;
const PAGES = [
  ["list, first screen", "/settings/api-keys"],
  ["list, newest first", "/settings/api-keys?sort=newest"],
  ["list, most calls first", "/settings/api-keys?sort=calls"],
  ["list, expiring first", "/settings/api-keys?sort=expiring"],
  ["list, by name", "/settings/api-keys?sort=name"],
  ["search by a name's beginning", "/settings/api-keys?q=worker-0421"],
  ["search by what all names begin with", "/settings/api-keys?q=worker"],
  ["search inside of names, 1,000 match", "/settings/api-keys?q=rker-0421"],
  ["search inside of names, 300 match", "/settings/api-keys?q=4213"],
  ["search inside of names, rare and common", "/settings/api-keys?q=worker-00421"],
  ["search inside of names, all match", "/settings/api-keys?q=orker-"],
  ["search inside of names, none matches", "/settings/api-keys?q=orker-x"],
  ["search inside of names, revoked", "/settings/api-keys?q=rker-0421&status=revoked"],
  ["search palette", "/search/found?q=rker-0421"],
  ["search by a key's visible start", "/settings/api-keys?q=ak_live_000000042"],
  ["filter: revoked, few", "/settings/api-keys?status=revoked"],
  ["filter: a kind", "/settings/api-keys?kind=mcp&sort=calls"],
  ["filter: an owner", "/settings/api-keys?owner=customer-42"],
  ["filter: a permission", "/settings/api-keys?permission=invoices.read"],
  ["overview", "/overview"],
];
/** A rule that refuses most keys. */
const PREVIEW = { do: "preview", life: "on", max_life_days: "30", grace_days: "30" };

try {
  for (const [engine, url] of engines()) await measure(engine, url);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
report();

async function measure(engine, url) {
  const server = await start({ LATCHKEY_DATABASE_URL: url });
  const origin = `http://127.0.0.1:${server.port}`;
  try {
    const link = /setup\?link=(\w+)/.exec(server.output())[1];
    const person = { name: "Alice", email: "alice@x.example", password: "tide water marsh lantern" };
    const entered = await ask(origin, "POST", "/setup", {
      fields: { link, ...person, organization: "Bench" },
    });
    const cookie = (entered.headers["set-cookie"] ?? []).map((line) => line.split(";")[0]).join("; ");
    fill(engine, url);
    globalAgent.destroy(); // the server has closed what was silent meanwhile
    for (const [what, path] of PAGES) {
      const times = [];
      for (let n = 0; n < ASKED; n += 1) {
        const began = performance.now();
        await ask(origin, "GET", path, { cookie });
        times.push(performance.now() - began);
      }
      times.sort((a, b) => a - b);
      row(`${engine}: ${what}, p50`, times[ASKED >> 1], TARGET_MS, "ms");
    }
    const { text } = await ask(origin, "GET", "/settings/key-policy", { cookie });
    const org = /name="org" value="([^"]+)"/.exec(text)[1];
    const began = performance.now();
    await ask(origin, "POST", "/settings/key-policy", { cookie, fields: { org, ...PREVIEW } });
    row(`${engine}: preview of a key policy`, (performance.now() - began) / 1_000, 2, "s");
  } finally {
    await server.stop();
  }
}

/** A million keys of one organization; a thousandth of them revoked, each with fourteen days of use for the latest. */
function fill(engine, database) {
  const now = Date.now();
  const [number, pad] =
    engine === "SQLite"
      ? [
          "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < MOST - 1)",
          "printf('%0W', i)",
        ]
      : ["WITH n (i) AS (SELECT generate_series(0, MOST - 1))", "lpad(CAST(i AS TEXT), W, '0')"];
  const padded = (width) => pad.replace("%0W", `%0${width}d`).replace("W", String(width));
  const many = number.replace("MOST", String(KEYS));
  const id = `'01900000-0000-7000-8000-' || ${padded(12)}`;
  const kind = "CASE i % 5 WHEN 0 THEN 'test' WHEN 1 THEN 'mcp' ELSE 'live' END";
  runSql(
    engine,
    database,
    `INSERT INTO keys (id, org_id, name, name_key, kind, role, note, ranges, secret_id, created_at, created_by, expires_at,
     revoked_at, generation, calls, last_used_at, external_id)
     ${many} SELECT ${id}, (SELECT id FROM organizations), 'worker-' || ${padded(7)}, 'worker-' || ${padded(7)}, ${kind},
     'member', '', '', ${padded(12)}, ${now - 100 * DAY} + i, (SELECT id FROM users),
     CASE WHEN i % 3 = 0 THEN ${now} + (i % 1000 + 1) * CAST(${DAY} AS BIGINT) ELSE NULL END,
     CASE WHEN i % 1000 = 7 THEN ${now - DAY} ELSE NULL END, 0, i % 77777, ${now} - (i % 864000) * 1000,
     CASE WHEN i % 2 = 0 THEN 'customer-' || CAST(i % 2000 AS TEXT) ELSE NULL END FROM n;
     ${endings()}
     INSERT INTO permissions (id, org_id, name, description, created_at, asked_at)
     SELECT '01900000-0000-7000-9000-000000000001', id, 'invoices.read', '', 0, 0 FROM organizations;
     INSERT INTO key_permissions (key_id, permission_id)
     ${many} SELECT ${id}, '01900000-0000-7000-9000-000000000001' FROM n WHERE i % 5 = 1;
     INSERT INTO secrets (id, key_id, created_at, calls, last_used_at)
     ${many} SELECT ${padded(12)}, ${id}, 0, 0, 0 FROM n;
     INSERT INTO usage_days (key_id, day, calls, requests, org_id)
     ${number.replace("MOST", "14000")} SELECT '01900000-0000-7000-8000-' || ${pad
       .replace("%0W", "%012d")
       .replace("W", "12")
       .replace("i)", "i / 14)")
       .replace("CAST(i AS", "CAST(i / 14 AS")}, ${Math.floor(now / DAY)} - i % 14, i % 97, i % 97,
       (SELECT id FROM organizations) FROM n;
     ANALYZE;`,
  );
  // What PostgreSQL does by itself some time after so many changes.
  if (engine === "PostgreSQL") runSql(engine, database, "VACUUM ANALYZE");
}

/** The statement of the migration that fills the index of the search by name. */
function endings() {
  const migration = readFileSync(new URL("../../migrations/0026_name_search.sql", import.meta.url), "utf8");
  return migration.slice(migration.indexOf("INSERT INTO"));
}

function ask(origin, method, path, { fields, cookie } = {}) {
  const body = fields ? new URLSearchParams(fields).toString() : "";
  const headers = { accept: "text/html", origin };
  if (fields) headers["content-type"] = "application/x-www-form-urlencoded";
  if (cookie) headers.cookie = cookie;
  return new Promise((resolve, reject) => {
    const sent = request(origin + path, { method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => (text += part));
      response.once("end", () => {
        if (response.statusCode >= 400) reject(new Error(`${method} ${path}: ${response.statusCode}`));
        else resolve({ headers: response.headers, text });
      });
    });
    sent.once("error", reject);
    sent.end(body);
  });
}
