// The `test` that all specs use: one server a worker (`server`), and pages that are watched (`watch.ts`) without a spec
// having to ask for it. Tests with settings of their own start their own server.
import { expect, test as base } from "@playwright/test";
import type { Engine } from "./database.ts";
import { Server, type Variables } from "./server.ts";
import { Watch } from "./watch.ts";

export interface Options {
  engine: Engine;
}

interface Shared extends Options {
  server: Server;
}

interface Own {
  watch: Watch;
  /** Starts a server with settings of its own, which ends with the test. */
  serve: (variables?: Variables) => Promise<Server>;
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

  logWhenFailed: [
    async ({ server }, use, info) => {
      const before = server.log.length;
      await use(undefined);
      if (info.status !== info.expectedStatus) {
        await info.attach("server.log", { body: server.log.slice(before), contentType: "text/plain" });
      }
    },
    { auto: true },
  ],
});

export { expect };
