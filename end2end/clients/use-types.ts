// Compiled against the types that openapi-typescript makes of the server's document.
import type { components, operations, paths } from "./latchkey.ts";

type Schemas = components["schemas"];
type Json<
  Operation extends keyof operations,
  Status extends keyof operations[Operation]["responses"],
> = operations[Operation]["responses"][Status] extends { content: { "application/json": infer Body } }
  ? Body
  : never;

export const created: Json<"createKey", 201> = {
  key: "ak_live_…",
  id: "01a1f866-0d00-7fff-bfff-ffffffffffff",
  name: "CI",
  kind: "live",
  key_prefix: "ak_live_0",
  role: "member",
  note: "",
  is_active: true,
  is_leaked: false,
  status: "active",
  created_at: "2026-11-20T10:00:00.000Z",
  allowed_ranges: [],
  permissions: [],
  calls: 0,
  created_by: "01a1f866-0d00-7fff-bfff-ffffffffffff",
};
const { key: _token, ...key } = created;
export const shown: Json<"getKey", 200> = key;

// Usage is usage, and no key.
export const usage: paths["/api/v1/keys/{id}/usage"]["get"]["responses"]["200"]["content"]["application/json"] =
  {
    key_id: key.id,
    from: "2026-11-20T09:00:00.000Z",
    to: "2026-11-20T10:00:00.000Z",
    hours: [{ hour: "2026-11-20T10:00:00.000Z", secret_id: "0", outcome: "rate_limited", requests: 1 }],
    callers: [],
  };
export const requests: number = usage.hours.reduce((sum, hour) => sum + hour.requests, 0);
// @ts-expect-error
export const name: string = usage.name;
// @ts-expect-error
export const wrong: Json<"getKeyUsage", 200> = key;

// Words are unions.
export const question: Schemas["VerifyRequest"] = {
  key: created.key,
  role: "admin",
  kinds: ["live", "test"],
};
// @ts-expect-error
export const role: Schemas["Role"] = "king";
export const problem = (code: Schemas["VerifyResult"]["code"]): boolean => code === "kind_not_allowed";
export const query: operations["listKeys"]["parameters"]["query"] = {
  status: "revoked",
  sort: "-last_used",
  limit: 10,
};
// @ts-expect-error
export const sorted: operations["listKeys"]["parameters"]["query"] = { sort: "size" };
export const events: Json<"listAuditEvents", 200> = { data: [] };
export const refusedKey: Json<"listRefusals", 200>["data"][number]["key_id"] = "";
export const span: operations["listKeyRefusals"]["parameters"]["query"] = { from: "2026-11-20T14:00:00Z" };
export const refusal: operations["getMe"]["responses"]["401"]["content"]["application/problem+json"]["message"] =
  "";
