// What holds for every page, as functions that return their findings: nothing found, nothing returned.
import type { Page } from "@playwright/test";
import axe, { type RunOptions } from "axe-core";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"];

/** One heading of the first level, and a title that names the product. */
export async function names(page: Page): Promise<string[]> {
  const findings: string[] = [];
  const headings = await page.locator("h1").count();
  if (headings !== 1) findings.push(`${headings} h1 instead of 1`);
  const title = await page.title();
  if (!/^[^<>]+ · Latchkey$/.test(title)) findings.push(`title "${title}"`);
  return findings;
}

/** Nothing is wider than the window. */
export async function overflow(page: Page): Promise<string[]> {
  const [content, window] = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return [Math.max(scrollWidth, document.body.scrollWidth), clientWidth] as const;
  });
  return content > window ? [`${content} px wide in a window of ${window} px`] : [];
}

/** What depends on the theme. */
export const COLOURS = ["color-contrast"];

/** WCAG 2.2 AA and axe's best practices, or some rules of them. Needs a page with scripts, and looks into no frames. */
export async function accessibility(page: Page, within = "html", rules?: string[]): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  const runOnly: RunOptions["runOnly"] = rules ?? { type: "tag", values: TAGS };
  return page.evaluate(
    async ({ within, runOnly }) => {
      const here = (window as unknown as { axe: typeof axe }).axe;
      const { violations } = await here.run(within, { runOnly, resultTypes: ["violations"] });
      return violations.flatMap(({ id, help, nodes }) =>
        nodes.map((node) => `axe ${id}: ${help}: ${node.target.join(" ")}`),
      );
    },
    { within, runOnly },
  );
}
