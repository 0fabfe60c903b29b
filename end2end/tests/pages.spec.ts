// Walks every page of `support/pages.ts` with and without scripts, in both themes, at a desk's and a phone's width.
// Screenshots for the eye are left in artefacts/.
import { join } from "node:path";
import { accessibility, names, overflow } from "../support/checks.ts";
import { hydrated } from "../support/hydration.ts";
import { PAGES } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";

const ARTEFACTS = join(import.meta.dirname, "../artefacts");
const WIDTHS = [1440, 390];
const NARROWEST = 320;

for (const javaScriptEnabled of [true, false]) {
  for (const colorScheme of ["light", "dark"] as const) {
    const js = javaScriptEnabled ? "js" : "nojs";

    test.describe(`${colorScheme}, ${js}`, () => {
      test.use({ javaScriptEnabled, colorScheme });

      for (const { name, path, status = 200, before } of PAGES) {
        test(`${path} is in order`, async ({ page, watch, server, engine }) => {
          await before?.(page);
          watch.expect(status, server.url + path);
          for (const width of WIDTHS) {
            await page.setViewportSize({ width, height: 900 });
            const answer = await page.goto(path);
            expect(answer?.status()).toBe(status);
            if (javaScriptEnabled) await hydrated(page);

            expect.soft(await names(page), `at ${width} px`).toEqual([]);
            expect.soft(await overflow(page), `at ${width} px`).toEqual([]);
            if (javaScriptEnabled) expect.soft(await accessibility(page), `at ${width} px`).toEqual([]);
            // Both engines draw the same pages.
            if (engine === "sqlite") {
              const file = `${name}-${colorScheme}-${width}-${js}.png`;
              await page.screenshot({ path: join(ARTEFACTS, file), fullPage: true });
            }
          }
          await page.setViewportSize({ width: NARROWEST, height: 900 });
          expect.soft(await overflow(page), `at ${NARROWEST} px`).toEqual([]);
        });
      }
    });
  }
}
