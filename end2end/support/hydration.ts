// When are the islands of a page alive? Leptos makes them live in the same turn in which the WebAssembly module has
// been instantiated, so the turn after that is the sign; an island that is not found warns on the console (`watch.ts`).
import type { BrowserContext, Page } from "@playwright/test";

const PATIENCE_MS = 20_000;

interface Marked {
  latchkeyHydrated: Promise<void>;
}

export async function markHydration(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    let alive = () => {};
    const hydrated = new Promise<void>((resolve) => (alive = resolve));
    Object.defineProperty(window, "latchkeyHydrated", { value: hydrated });
    for (const name of ["instantiate", "instantiateStreaming"] as const) {
      const original = WebAssembly[name] as (...given: unknown[]) => Promise<unknown>;
      Object.defineProperty(WebAssembly, name, {
        value: async (...given: unknown[]) => {
          const made = await original(...given);
          setTimeout(alive);
          return made;
        },
      });
    }
  });
}

/** Waits until the islands of the page are alive. */
export async function hydrated(page: Page, patience = PATIENCE_MS): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const error = new Error(`the islands of ${page.url()} did not come to life within ${patience / 1000} s`);
    timer = setTimeout(() => reject(error), patience);
  });
  const alive = page.evaluate(() => (window as unknown as Marked).latchkeyHydrated);
  alive.catch(() => undefined); // when late wins and the page goes away
  await Promise.race([alive, late]).finally(() => clearTimeout(timer));
}
