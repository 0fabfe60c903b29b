// Webhooks as receivers see them: the published libraries of Standard Webhooks verify each request, and a server that is
// killed loses nothing.
import { execFile } from "node:child_process";
import { createServer, type IncomingHttpHeaders, type Server as HttpServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { Client, seed } from "../support/api.ts";
import { program } from "../support/program.ts";
import { expect, test } from "../support/test.ts";

const CLIENTS = join(import.meta.dirname, "../clients");
const TARGETS = { LATCHKEY_KEY_HASH_COST: "1", LATCHKEY_WEBHOOK_TARGETS: "127.0.0.1" };

interface Webhook {
  verify(body: string, headers: Record<string, string>): { type: string; data: { id: string; name: string } };
}
interface Library {
  Webhook: new (secret: string) => Webhook;
}
const library = createRequire(join(CLIENTS, "package.json"))("standardwebhooks") as Library;

interface Received {
  headers: IncomingHttpHeaders;
  body: string;
}

/** A receiver that keeps what it gets. */
class Receiver {
  readonly received: Received[] = [];
  status = 200;
  private constructor(private readonly http: HttpServer) {}

  static async start(): Promise<Receiver> {
    const http = createServer();
    const receiver = new Receiver(http);
    http.on("request", (request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (part: string) => (body += part));
      request.once("end", () => {
        receiver.received.push({ headers: request.headers, body });
        response.writeHead(receiver.status).end();
      });
    });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}/latchkey`;
  }

  async stop(): Promise<void> {
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }
}

const headersOf = ({ headers }: Received): Record<string, string> =>
  Object.fromEntries(
    ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => [name, String(headers[name])]),
  );

/** What the Python library makes of a request: the type of its event, or the name of the error. */
async function verifiedByPython(secret: string, received: Received): Promise<string> {
  const python = join(dirname(program("schemathesis")), "python");
  const request = JSON.stringify({ secret, body: received.body, headers: headersOf(received) });
  const { stdout } = await promisify(execFile)(python, [join(CLIENTS, "verify_webhook.py"), request]);
  return stdout.trim();
}

test("the published libraries verify each request", async ({ serve }) => {
  const server = await serve(TARGETS);
  const { key } = seed(server);
  const client = new Client(server, key);
  const receiver = await Receiver.start();
  const post = async (path: string, body: unknown) => {
    const answer = await client.call("POST", path, body);
    expect(answer.status, answer.body).toBeLessThan(300);
    return JSON.parse(answer.body) as { id: string; secret: string; key: string };
  };
  const hook = await post("/api/v1/webhooks", { url: receiver.url, events: ["key.*"] });
  const made = await post("/api/v1/keys", { name: "ci-deploy", role: "viewer" });
  await expect.poll(() => receiver.received.length).toBe(1);
  const rotated = await post(`/api/v1/webhooks/${hook.id}/rotate-secret`, {});
  await post(`/api/v1/keys/${made.id}/revoke`, {});
  await expect.poll(() => receiver.received.length).toBe(2);
  const [first, second] = receiver.received as [Received, Received];

  const event = new library.Webhook(hook.secret).verify(first.body, headersOf(first));
  expect([event.type, event.data.id, event.data.name]).toEqual(["key.created", made.id, "ci-deploy"]);
  expect(await verifiedByPython(hook.secret, first)).toBe("key.created");
  // While the secret rotates, both are good.
  for (const secret of [hook.secret, rotated.secret]) {
    expect(new library.Webhook(secret).verify(second.body, headersOf(second)).type).toBe("key.revoked");
    expect(await verifiedByPython(secret, second)).toBe("key.revoked");
  }
  // Neither another secret nor another body is.
  expect(() => new library.Webhook(rotated.secret).verify(first.body, headersOf(first))).toThrow();
  const forged = { ...first, body: first.body.replace("ci-deploy", "ci-depl0y") };
  expect(() => new library.Webhook(hook.secret).verify(forged.body, headersOf(forged))).toThrow();
  expect(await verifiedByPython(hook.secret, forged)).toBe("WebhookVerificationError");
  for (const { body } of receiver.received) expect(body).not.toContain(made.key.slice(-20));
  client.close();
  await receiver.stop();
});

test("what was accepted before kill -9 is delivered after the next start", async ({ serve }) => {
  const server = await serve(TARGETS);
  const { key } = seed(server);
  const client = new Client(server, key);
  const receiver = await Receiver.start();
  const hook = await client.call("POST", "/api/v1/webhooks", { url: receiver.url, events: ["key.created"] });
  expect(hook.status, hook.body).toBe(201);
  const made = new Set<string>();
  for (let round = 0; round < 5; round += 1) {
    const creating = Array.from({ length: 20 }, async (_, number) => {
      const answer = await client.call("POST", "/api/v1/keys", { name: `Key ${round}-${number}` });
      if (answer.status === 201) made.add((JSON.parse(answer.body) as { id: string }).id);
    });
    const ended = Promise.allSettled(creating);
    await expect.poll(() => made.size).toBeGreaterThan(round * 10);
    await server.kill();
    await ended;
    await server.restart();
  }
  // On PostgreSQL the leases of a killed server end after some minutes.
  if (server.database.url.startsWith("postgres"))
    server.database.run("UPDATE webhook_deliveries SET lease_until = 0");
  const delivered = () =>
    new Set(receiver.received.map(({ body }) => (JSON.parse(body) as { data: { id: string } }).data.id));
  await expect.poll(() => [...made].filter((id) => !delivered().has(id)), { timeout: 30_000 }).toEqual([]);
  expect(made.size).toBeGreaterThan(40);
  client.close();
  await receiver.stop();
});
