// The `test` that all specs use: one server a worker (`server`), and pages that are watched (`watch.ts`) without a spec
// having to ask for it. `home` is a server with people on it, for tests that change nothing about them. Tests with
// settings of their own, and those that change people, start their own server.
import { type BrowserContextOptions, expect, test as base } from "@playwright/test";
import type { Engine } from "./database.ts";
import { type Home, settle, Visitor } from "./people.ts";
import { Server, type Variables } from "./server.ts";
import { Watch } from "./watch.ts";

export interface Options {
  engine: Engine;
}

interface Shared extends Options {
  server: Server;
  home: Home;
}

interface Own {
  watch: Watch;
  /** Starts a server with settings of its own, which ends with the test. */
  serve: (variables?: Variables) => Promise<Server>;
  /** Somebody in front of the test's own page. */
  visit: (server: Server) => Visitor;
  /** Somebody in front of another browser. */
  another: (server: Server, options?: BrowserContextOptions) => Promise<Visitor>;
  logWhenFailed: undefined;
}

export const test = base.extend<Own, Shared>({
  engine: ["sqlite", { option: true, scope: "worker" }],

  server: [
    async ({ engine }, use) => {
      const server = await Server.start(engine);
      await use(server);
      await server.stop();
    },
    { scope: "worker" },
  ],

  home: [
    async ({ engine, browser }, use) => {
      const home = await settle(engine, browser);
      await use(home);
      await home.server.stop();
    },
    { scope: "worker" },
  ],

  serve: async ({ engine }, use) => {
    const started: Server[] = [];
    await use(async (variables = {}) => {
      const server = await Server.start(engine, variables);
      started.push(server);
      return server;
    });
    for (const server of started.filter(({ isRunning }) => isRunning)) await server.stop();
  },

  baseURL: async ({ server }, use) => use(server.url),

  watch: async ({}, use) => use(new Watch()),

  context: async ({ context, javaScriptEnabled, watch }, use) => {
    await watch.over(context, javaScriptEnabled ?? true);
    await use(context);
    expect(await watch.take(), "what the browser complained about").toEqual([]);
  },

  visit: async ({ page, javaScriptEnabled }, use) =>
    use((server) => new Visitor(page, server, javaScriptEnabled ?? true)),

  // Asks for the test's own context, so that these end before it does.
  another: async ({ browser, context: _own, javaScriptEnabled, watch }, use) => {
    const opened: { close(): Promise<void> }[] = [];
    await use(async (server, options = {}) => {
      const context = await browser.newContext({ javaScriptEnabled, storageState: undefined, ...options });
      opened.push(context);
      await watch.over(context, javaScriptEnabled ?? true);
      return new Visitor(await context.newPage(), server, javaScriptEnabled ?? true);
    });
    expect(await watch.take(), "what the browsers complained about").toEqual([]);
    for (const context of opened) await context.close();
  },

  logWhenFailed: [
    async ({}, use, info) => {
      for (const server of Server.started) if (!server.isRunning) Server.started.delete(server);
      const before = new Map([...Server.started].map((server) => [server, server.log.length]));
      await use(undefined);
      if (info.status === info.expectedStatus) return;
      for (const server of Server.started) {
        const body = server.log.slice(before.get(server) ?? 0);
        if (body) await info.attach(`server-${server.port}.log`, { body, contentType: "text/plain" });
      }
    },
    { auto: true },
  ],
});

export { expect };
