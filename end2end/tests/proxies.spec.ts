// README's lines for nginx and Caddy, as they are: who gets through, what the service is told, and what it never sees.
import { Client, seed, send } from "../support/api.ts";
import { PROXIES, type Received, ReverseProxy, Service } from "../support/proxy.ts";
import { expect, test } from "../support/test.ts";

// Forwarded addresses are believed, so that keys bound to addresses see the caller's.
const BEHIND_A_PROXY = { LATCHKEY_TRUSTED_PROXIES: "127.0.0.1" };

interface Made {
  id: string;
  key: string;
}

/** Servers that pass headers as variables do not tell a hyphen from an underscore. */
const identity = ({ headers }: Received): string[] =>
  headers
    .map(([name, value]) => `${name.toLowerCase().replaceAll("_", "-")}: ${value}`)
    // nginx leaves out empty headers, and Caddy passes them on.
    .filter((line) => line.startsWith("x-latchkey") && !line.endsWith(": "))
    .sort();

for (const kind of PROXIES) {
  test(`${kind} lets callers with a good key through and tells the service who they are`, async ({
    serve,
  }) => {
    const latchkey = await serve(BEHIND_A_PROXY);
    const { org, key: owner } = seed(latchkey);
    const client = new Client(latchkey, owner);
    const make = async (body: object): Promise<Made> =>
      JSON.parse((await client.call("POST", "/api/v1/keys", body)).body) as Made;
    const me = JSON.parse((await client.call("GET", "/api/v1/me")).body) as { user: { id: string } };
    const member = await make({ name: "CI déploy", role: "member", external_id: "carrier 1" });
    const viewer = await make({ name: "viewer", role: "viewer" });
    const limited = await make({ name: "limited", role: "member", rate_limit_per_minute: 1 });
    const testing = await make({ name: "testing", role: "member", kind: "test" });
    const elsewhere = await make({ name: "elsewhere", role: "member", allowed_ranges: ["192.0.2.0/24"] });
    const service = await Service.start();
    const proxy = await ReverseProxy.start(kind, { latchkey, service, org });

    /** What the service got for a request that comes through. */
    const passes = async (headers: Record<string, string>, method = "GET", path = "/", body?: string) => {
      const before = service.received.length;
      const answer = await send(proxy.url + path, { method, headers, body });
      expect(answer.status, answer.body + proxy.log).toBe(200);
      expect(service.received.length).toBe(before + 1);
      return service.received[before] as Received;
    };
    const refused = async (
      headers: Record<string, string>,
      status: number,
      method = "GET",
      body?: string,
    ) => {
      const before = service.received.length;
      const answer = await send(`${proxy.url}/x`, { method, headers, body });
      expect(answer.status, answer.body + proxy.log).toBe(status);
      expect(service.received.length, "the service is not asked").toBe(before);
      return answer;
    };
    const bearer = ({ key }: Made) => ({ authorization: `Bearer ${key}` });

    // Who it is: what Latchkey says, whatever the caller claims under these names.
    const who = [
      `x-latchkey-key: ${member.id}`,
      "x-latchkey-kind: live",
      "x-latchkey-name: CI+d%C3%A9ploy",
      `x-latchkey-org: ${org}`,
      "x-latchkey-owner: carrier+1",
      "x-latchkey-role: member",
      `x-latchkey-user: ${me.user.id}`,
    ];
    const forged: Record<string, string> = {};
    for (const name of ["Key", "Org", "User", "Role", "Kind", "Name", "Owner", "Permissions"]) {
      forged[`X-Latchkey-${name}`] = "owner";
      forged[`X_Latchkey_${name}`] = "owner";
      forged[`X-Latchkey_${name}`] = "owner";
      forged[`x_LATCHKEY-${name}`] = "owner";
    }
    // Headers named here are for one connection only, and proxies remove them.
    const removing = { connection: "close, X-Latchkey-Role, x-latchkey-KEY" };
    const ways: Record<string, string>[] = [
      bearer(member),
      { "x-api-key": member.key },
      { "X-API-KEY": member.key, ...bearer(member) },
    ];
    for (const headers of ways) {
      for (const claims of [{}, forged, removing]) {
        const received = await passes({ ...headers, ...claims });
        expect(identity(received)).toEqual(who);
        // The secret stays at the proxy.
        expect(JSON.stringify(received)).not.toContain(member.key);
        const names = received.headers.map(([name]) => name.toLowerCase());
        expect(names).not.toContain("authorization");
        expect(names).not.toContain("x-api-key");
      }
    }
    const posted = await passes(
      { ...bearer(member), "content-type": "text/plain" },
      "POST",
      "/a/b?c=d&role=x",
      "hello",
    );
    expect([posted.method, posted.url, posted.body]).toEqual(["POST", "/a/b?c=d&role=x", "hello"]);
    expect((await passes(bearer(member), "HEAD")).method).toBe("HEAD");
    expect((await passes(bearer(member), "DELETE", "/a")).method).toBe("DELETE");

    // Refusals.
    expect((await refused({}, 401)).headers["www-authenticate"]).toMatch(/^Bearer realm="latchkey"/);
    await refused({}, 401, "POST", "hello");
    await refused({ authorization: "Bearer ak_live_x" }, 401);
    await refused({ authorization: `Bearer ${member.key}`, "x-api-key": viewer.key }, 401);
    await refused(bearer(viewer), 403);
    await refused({ ...bearer(viewer), ...forged }, 403);
    await refused(bearer(testing), 403);
    await refused({ ...bearer(elsewhere), "x-forwarded-for": "192.0.2.7" }, 403);
    await passes(bearer(limited));
    const wait = (await refused(bearer(limited), 429)).headers["retry-after"];
    expect(Number(wait)).toBeGreaterThan(0);
    expect(Number(wait)).toBeLessThanOrEqual(60);
    await client.call("POST", `/api/v1/keys/${member.id}/revoke`, {});
    await refused(bearer(member), 401);

    // What the service itself answers is its own.
    const fine = { authorization: `Bearer ${owner}` };
    for (const status of [401, 403, 429, 500, 503]) {
      const answer = await send(`${proxy.url}/status/${status}`, { headers: fine });
      expect([answer.status, answer.body]).toEqual([status, "from the service"]);
    }
    client.close();
    await proxy.stop();
    await service.stop();
  });

  test(`${kind} lets nobody through while Latchkey is away`, async ({ serve }) => {
    const latchkey = await serve(BEHIND_A_PROXY);
    const { org, key } = seed(latchkey);
    const service = await Service.start();
    const proxy = await ReverseProxy.start(kind, { latchkey, service, org });
    const ask = () => send(`${proxy.url}/x`, { headers: { authorization: `Bearer ${key}` } });
    expect((await ask()).status, proxy.log).toBe(200);
    await latchkey.stop();
    for (let time = 0; time < 3; time += 1) {
      const answer = await ask();
      expect(answer.status, answer.body + proxy.log).toBe(503);
      expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
    }
    expect(service.received.length).toBe(1);
    await proxy.stop();
    await service.stop();
  });

  test(`${kind} tells an outage of the service from one of Latchkey`, async ({ serve }) => {
    const latchkey = await serve(BEHIND_A_PROXY);
    const { org, key } = seed(latchkey);
    const service = await Service.start();
    const proxy = await ReverseProxy.start(kind, { latchkey, service, org });
    await service.stop();
    expect((await send(`${proxy.url}/x`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(502);
    expect((await send(`${proxy.url}/x`)).status).toBe(401);
    await proxy.stop();
  });
}
