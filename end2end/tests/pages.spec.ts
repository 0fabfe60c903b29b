// Walks every page of `support/pages.ts` with and without scripts, in both themes, at a desk's and a phone's width, at
// the narrowest, and as large as zoom makes it. With LATCHKEY_TEST_THEMES=all also in a theme that differs from the
// system's, and in forced colors. With LATCHKEY_TEST_PICTURES=1 screenshots are left in artefacts/. On SQLite only: the
// engines draw the same pages, and `people.spec.ts` opens most of them on both.
import { join } from "node:path";
import { accessibility, COLOURS, names, overflow } from "../support/checks.ts";
import { PAGES } from "../support/pages.ts";
import { Visitor } from "../support/people.ts";
import { expect, test } from "../support/test.ts";

const TAKES_PICTURES = process.env["LATCHKEY_TEST_PICTURES"] === "1";
const ARTEFACTS = join(import.meta.dirname, "../artefacts");
const DESK = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 900 };
/** Also what zoom to 400 % leaves of a window of 1280 px. */
const NARROWEST = { width: 320, height: 900 };
/** What zoom to 200 % leaves of the desk's window. */
const ZOOMED = { width: 720, height: 450 };

interface ThemeWalk {
  name: string;
  /** The system's theme. */
  colorScheme: "light" | "dark";
  /** The theme that the person has chosen. */
  pinned?: "light" | "dark";
  forcedColors?: "active";
}
const THEMES: ThemeWalk[] = [
  { name: "light", colorScheme: "light" },
  { name: "dark", colorScheme: "dark" },
];
if (process.env["LATCHKEY_TEST_THEMES"] === "all")
  THEMES.push(
    { name: "pinned-light", colorScheme: "dark", pinned: "light" },
    { name: "pinned-dark", colorScheme: "light", pinned: "dark" },
    { name: "forced-light", colorScheme: "light", forcedColors: "active" },
    { name: "forced-dark", colorScheme: "dark", forcedColors: "active" },
  );

test.describe.configure({ timeout: 30_000 * THEMES.length });

for (const javaScriptEnabled of [true, false]) {
  const js = javaScriptEnabled ? "js" : "nojs";

  test.describe(js, () => {
    test.use({ javaScriptEnabled });

    for (const { name, path, heading, status = 200, who, empty, find, then } of PAGES) {
      test.describe(name, () => {
        test.use({ storageState: async ({ home }, use) => use(who ? home[who] : undefined) });

        test("is in order", async ({ page, watch, server, home }) => {
          const visitor = new Visitor(page, empty ? server : home.server, javaScriptEnabled);
          const at = find ? await find(visitor) : path;
          if (then) watch.expect(status);
          else watch.expect(status, new URL(at, visitor.server.url).href);
          const opened = await visitor.open(at);
          expect(then ? await then(visitor) : opened).toBe(status);
          await expect(page.getByRole("heading", { level: 1, includeHidden: true })).toHaveText(heading);
          expect.soft(await names(page)).toEqual([]);

          for (const { name: theme, colorScheme, pinned = "", forcedColors = "none" } of THEMES) {
            await page.emulateMedia({ colorScheme, forcedColors, reducedMotion: "reduce" });
            await page.evaluate((pinned) => (document.documentElement.dataset["theme"] = pinned), pinned);
            for (const size of [DESK, PHONE]) {
              await page.setViewportSize(size);
              const where = `${theme}, ${size.width} px`;
              expect.soft(await overflow(page), where).toEqual([]);
              const rules = theme === "light" ? undefined : COLOURS;
              // The browser chooses forced colors, and axe does not see them.
              if (javaScriptEnabled && forcedColors === "none")
                expect.soft(await accessibility(page, "html", rules), where).toEqual([]);
              // Without scripts a style sheet alone makes it dark.
              if (!TAKES_PICTURES || (!javaScriptEnabled && theme === "dark")) continue;
              const file = `${name}-${theme}-${size.width}-${js}.png`;
              await page.screenshot({ path: join(ARTEFACTS, file), fullPage: true });
            }
          }
          for (const size of [NARROWEST, ZOOMED]) {
            await page.setViewportSize(size);
            expect.soft(await overflow(page), `at ${size.width} px`).toEqual([]);
          }
        });
      });
    }
  });
}
