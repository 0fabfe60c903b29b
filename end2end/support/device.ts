// A command line that logs in: it asks for a code, shows it, and asks until somebody has decided.
import type { Server } from "./server.ts";

export const CLIENT = "latchkey-cli";

export interface Asked {
  device_code: string;
  user_code: string;
  verification_uri: string;
  verification_uri_complete: string;
}

export interface Told {
  status: number;
  body: Record<string, string | number>;
}

async function post(url: string, fields: Record<string, string>, headers: Record<string, string> = {}) {
  const answer = await fetch(url, { method: "POST", body: new URLSearchParams(fields), headers });
  return { status: answer.status, body: (await answer.json()) as unknown };
}

/** `from` is an address that a trusted proxy tells. */
export async function askForCode(server: Server, name = "thinkpad-alice", from = ""): Promise<Asked> {
  const fields = { client_id: CLIENT, device_id: name, device_name: name };
  const headers: Record<string, string> = from ? { "x-forwarded-for": from } : {};
  const { status, body } = await post(`${server.url}/oauth/device_authorization`, fields, headers);
  if (status !== 200) throw new Error(`no code was given: ${status} ${JSON.stringify(body)}`);
  return body as Asked;
}

export async function poll(server: Server, { device_code }: Asked): Promise<Told> {
  const grant_type = "urn:ietf:params:oauth:grant-type:device_code";
  return (await post(`${server.url}/oauth/token`, { grant_type, client_id: CLIENT, device_code })) as Told;
}
