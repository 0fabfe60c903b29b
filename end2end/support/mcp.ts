// The smallest MCP server that the ArmorIQ command line looks into: it introduces itself and names its tools.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export const TOOLS = ["get_forecast", "get_weather"];

export class McpServer {
  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(): Promise<McpServer> {
    const server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (part: string) => (body += part));
      request.once("end", () => {
        const { id = null, method } = JSON.parse(body || "{}") as { id?: number; method?: string };
        const result =
          method === "tools/list"
            ? { tools: TOOLS.map((name) => ({ name, inputSchema: { type: "object" } })) }
            : {
                protocolVersion: "2024-11-05",
                capabilities: { tools: {} },
                serverInfo: { name: "weather", version: "1" },
              };
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new McpServer(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
