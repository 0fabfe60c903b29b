// Hears what the Content-Security-Policy stops. With scripts the browser's own event tells it; without them (and for
// what happens before a document exists) the console does, which `watch.ts` reads.
import type { BrowserContext } from "@playwright/test";

type Report = (violation: string) => void;

/** Calls `report` for every violation on every page of the context. Init scripts are not subject to the policy. */
export async function hearViolations(context: BrowserContext, report: Report): Promise<void> {
  await context.exposeBinding("latchkeyViolation", (_source, text: string) => report(text));
  await context.addInitScript(() => {
    const tell = (window as unknown as { latchkeyViolation: Report }).latchkeyViolation;
    addEventListener(
      "securitypolicyviolation",
      (event) => {
        const { effectiveDirective, blockedURI, documentURI, lineNumber } = event;
        tell(`policy: ${effectiveDirective} stopped ${blockedURI} on ${documentURI} line ${lineNumber}`);
      },
      true,
    );
  });
}
