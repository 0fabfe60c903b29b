// What a server that is killed leaves behind: every key that was shown, and counts that are true. LATCHKEY_TEST_CHECKS
// is how many checks of a key are counted at least; a release build takes more in the same time.
import { type Seeded, Client, seed } from "../support/api.ts";
import type { Server } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

const KILLS_OF_CREATES = 50;
const CREATES_A_KILL = 10;
const KILLS_OF_CHECKS = 10;
const CHECKS = Number(process.env["LATCHKEY_TEST_CHECKS"] || 10_000);
/** What was counted is written every second; the rest is for the writing itself, on a busy machine. */
const WRITTEN_EVERY_MS = 1_500;
/** Hashing is not what is tested here. */
const CHEAP = { LATCHKEY_KEY_HASH_COST: "1" };

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const upTo = (most: number) => Math.random() * most;

test.describe.configure({ timeout: 180_000 });

interface Shown {
  id: string;
  key: string;
}

/** Asks for several keys at once and kills the server after a random number of answers. Returns what was shown. */
async function killWhileCreating(server: Server, { key }: Seeded, round: number): Promise<Shown[]> {
  const client = new Client(server, key, 5);
  const shown: Shown[] = [];
  const began = performance.now();
  const after = Math.floor(upTo(CREATES_A_KILL + 1));
  const dead = new Promise<void>((resolve) => {
    const kill = (within: number) => setTimeout(() => void server.kill().then(resolve), upTo(within));
    if (after === 0) kill(20);
    const create = async (number: number) => {
      const answer = await client.call("POST", "/api/v1/keys", { name: `Key ${round}-${number}` });
      expect(answer.status, answer.body).toBe(201);
      shown.push(JSON.parse(answer.body) as Shown);
      // Within the time that one key takes, so that the next ones are hit anywhere on their way.
      if (shown.length === after) kill((performance.now() - began) / after);
    };
    for (let number = 0; number < CREATES_A_KILL; number += 1) {
      create(number).catch((error: NodeJS.ErrnoException) => {
        // A connection that ends is what happens here; a refusal is not.
        if (!["ECONNRESET", "ECONNREFUSED", "EPIPE"].includes(error.code ?? "")) throw error;
      });
    }
  });
  await dead;
  client.close();
  return shown;
}

/** Which of the keys are not accepted. */
async function refused(server: Server, { org }: Seeded, keys: Shown[]): Promise<string[]> {
  const found: string[] = [];
  for (const { id, key } of keys) {
    const client = new Client(server, key);
    const { status } = await client.call("GET", `/api/v1/authorize?org=${org}`);
    client.close();
    if (status !== 200) found.push(`${id}: ${status}`);
  }
  return found;
}

test("a key that was shown survives kill -9, with its audit row", async ({ engine, serve }) => {
  const server = await serve(CHEAP);
  const seeded = seed(server);
  const all: Shown[] = [];
  let interrupted = 0;
  for (let round = 0; round < KILLS_OF_CREATES; round += 1) {
    const shown = await killWhileCreating(server, seeded, round);
    await server.restart();
    expect(await refused(server, seeded, shown), `shown before kill ${round}`).toEqual([]);
    all.push(...shown);
    if (shown.length > 0 && shown.length < CREATES_A_KILL) interrupted += 1;
  }
  expect(interrupted, "kills between two answers").toBeGreaterThan(KILLS_OF_CREATES / 4);
  expect(await refused(server, seeded, all)).toEqual([]);

  const rows = server.database.texts(
    `SELECT id || ' ' || (SELECT count(*) FROM audit WHERE action = 'key.created' AND target_id = keys.id)
     FROM keys WHERE created_by_key IS NOT NULL`,
  );
  const audited = new Map(rows.map((row) => row.split(" ") as [string, string]));
  expect(all.filter(({ id }) => audited.get(id) !== "1")).toEqual([]);
  // Of the keys that nobody saw, too.
  expect([...audited].filter(([, count]) => count !== "1")).toEqual([]);
  const orphans = `SELECT target_id FROM audit WHERE action = 'key.created' AND target_id NOT IN (SELECT id FROM keys)`;
  expect(server.database.texts(orphans)).toEqual([]);
  if (engine === "sqlite") expect(server.database.texts("PRAGMA integrity_check")).toEqual(["ok"]);
});

/** Checks of a key, sent as fast as answers come. */
class Load {
  sent = 0;
  readonly answeredAt: number[] = [];
  private readonly client: Client;
  private readonly working: Promise<void>[];
  private stopped = false;

  constructor(server: Server, { org, key }: Seeded) {
    this.client = new Client(server, key, 16);
    const work = async () => {
      while (!this.stopped) {
        this.sent += 1;
        const { status } = await this.client.call("GET", `/api/v1/authorize?org=${org}`);
        if (status !== 200) throw new Error(`a good key was answered with ${status}`);
        this.answeredAt.push(Date.now());
      }
    };
    this.working = Array.from({ length: 16 }, () =>
      work().catch((error: unknown) => {
        if (!this.stopped) throw error;
      }),
    );
  }

  get answered(): number {
    return this.answeredAt.length;
  }

  /** By the clock of the wall, as the server has it. */
  answeredBefore(moment: number): number {
    return this.answeredAt.filter((at) => at < moment).length;
  }

  /** No more is sent, and what happens to the rest is no fault. */
  stop(): void {
    this.stopped = true;
  }

  async ended(): Promise<void> {
    await Promise.all(this.working);
    this.client.close();
  }
}

/** What many lines share: organization, address, user agent, hour and outcome. */
type Shared = [string, string | null, string, number, string];
/** Secret, the place of what it shares, how many requests, and when. */
type Line = [string, number, number, number, number];
/** Since when, what lines share, and the lines. */
type Text = [number, Shared[], Line[]];

/** Accepted requests, those that are only written down among them: in one look, since they move. */
function counted(server: Server): number {
  const texts = server.database.texts(
    `SELECT CAST(coalesce(sum(requests), 0) AS TEXT) FROM usage_hours WHERE outcome = 'valid'
     UNION ALL SELECT counts FROM usage_journal`,
  );
  const sums = texts.map((text) => JSON.parse(text) as number | Text);
  const sum = ([, shared, lines]: Text) =>
    lines.filter(([, place]) => shared[place]?.[4] === "valid").reduce((all, line) => all + line[2], 0);
  return sums.reduce<number>((all, part) => all + (typeof part === "number" ? part : sum(part)), 0);
}

/** When the server began to write what it had counted, since a moment. */
const writings = (server: Server, since: number) =>
  server.database.texts(`SELECT at FROM usage_flushes WHERE at > ${since} ORDER BY at`).map(Number);

test("no more is counted than was sent, and kill -9 loses at most what was not yet written", async ({
  serve,
}) => {
  const server = await serve(CHEAP);
  const seeded = seed(server);
  const pauses: number[] = [];
  let before = 0;
  let certain = 0;
  let lost = 0;
  for (let kill = 1; kill <= KILLS_OF_CHECKS; kill += 1) {
    const began = Date.now();
    const load = new Load(server, seeded);
    // Long enough for something to be written, and then to any moment between two writings.
    const least = began + 2_200 + upTo(1_000);
    while (load.answered < CHECKS / KILLS_OF_CHECKS || Date.now() < least) await pause(5);
    load.stop();
    await server.kill();
    await load.ended();
    await server.restart();
    const now = counted(server) - before;
    const written = writings(server, began);
    pauses.push(...written.slice(1).map((at, place) => at - (written[place] ?? 0)));
    // The last writing took what was counted after the one before it had begun.
    const due = load.answeredBefore(written.at(-2) ?? 0);
    expect(now, `counted until kill ${kill}`).toBeLessThanOrEqual(load.sent);
    expect(now, `counted until kill ${kill}, of ${load.answered}`).toBeGreaterThanOrEqual(due);
    before += now;
    certain += due;
    lost += Math.max(0, load.answered - now);
  }
  expect(certain, "counts that must be there").toBeGreaterThan(CHECKS / 10);
  expect(lost, "counts that a kill took away").toBeGreaterThan(0);
  const median = pauses.sort((a, b) => a - b)[Math.floor(pauses.length / 2)];
  expect(median, "ms between two writings").toBeLessThan(WRITTEN_EVERY_MS);
  // What the killed ones had only written down is added up by the one that runs, once.
  await expect
    .poll(() => server.database.texts("SELECT node FROM usage_journal"), { timeout: 40_000 })
    .toEqual([]);
  expect(counted(server)).toBe(before);
});

test("SIGTERM loses no count", async ({ serve }) => {
  const server = await serve(CHEAP);
  const seeded = seed(server);
  const load = new Load(server, seeded);
  while (load.answered < 500) await pause(5);
  load.stop();
  server.signal("SIGTERM");
  await Promise.all([server.ended("kept"), load.ended()]);
  const now = counted(server);
  expect(now).toBeGreaterThanOrEqual(load.answered);
  expect(now).toBeLessThanOrEqual(load.sent);
  server.remove();
});
