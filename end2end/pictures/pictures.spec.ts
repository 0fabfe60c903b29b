// Takes the two pictures of README: the list of keys in the light theme, and the page of a key in the dark one. `make pictures`
// runs it.
import { join } from "node:path";
import { expect, test } from "../support/test.ts";
import { createKeys } from "./keys.ts";

const FOLDER = join(import.meta.dirname, "../../.github/pictures");

test("README's pictures", async ({ page, serve, visit }) => {
  await page.setViewportSize({ width: 1280, height: 800 });
  const owner = visit(await serve());
  await owner.setUp();
  const key = await createKeys(owner);
  for (const [name, colorScheme, path] of [
    ["keys-light", "light", "/settings/api-keys"],
    ["key-dark", "dark", key],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    await owner.open(path);
    await page.evaluate(() => document.fonts.ready);
    const picture = await page.screenshot({ path: join(FOLDER, `${name}.png`), caret: "hide" });
    expect(picture.length).toBeLessThan(200_000);
  }
});
