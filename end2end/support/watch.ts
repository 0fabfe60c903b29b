// Watches every page that a test opens: policy violations, console errors and warnings, exceptions, requests that fail
// or are answered with 400 and more. A test passes only if nothing of that happened, or it took it for expected.
import type { BrowserContext } from "@playwright/test";
import { hearViolations } from "./csp.ts";
import { markHydration } from "./hydration.ts";

export class Watch {
  private findings: string[] = [];
  private readonly expected = new Set<string>();
  private readonly expectedAnywhere = new Set<number>();
  private readonly contexts: { context: BrowserContext; scripts: boolean }[] = [];

  async over(context: BrowserContext, scripts: boolean): Promise<void> {
    this.contexts.push({ context, scripts });
    const report = (finding: string) => this.findings.push(finding);
    context.on("console", (message) => {
      if (!["error", "warning", "assert"].includes(message.type())) return;
      const url = message.location().url;
      // Without scripts nothing takes what the page loads ahead for them. With them, the browser misses the module
      // three seconds after the page was loaded, however busy the machine is; `hydrated` waits for it, and says so.
      const unused = /^The resource (\S+) was preloaded using link preload but not used/.exec(
        message.text(),
      )?.[1];
      if (unused && (!scripts || /\/pkg\/latchkey\.(js|wasm)$/.test(unused))) return;
      if (/^Failed to load resource/.test(message.text()) && this.isExpectedAnywhere(url)) return;
      report(`console: ${message.text()} (${url})`);
    });
    context.on("weberror", (error) => report(`exception: ${error.error().message}`));
    context.on("requestfailed", (request) => {
      const reason = request.failure()?.errorText;
      // Chromium names switched-off scripts like this on pages without any policy too.
      if (!scripts && request.resourceType() === "script" && reason === "csp") return;
      // Leaving a page ends what it was still loading. A server that breaks off has other names.
      if (reason === "net::ERR_ABORTED") return;
      report(`request: ${request.url()} failed: ${reason}`);
    });
    context.on("response", (response) => {
      const line = `${response.status()} ${response.url()}`;
      const expected = this.expected.has(line) || this.expectedAnywhere.has(response.status());
      if (response.status() >= 400 && !expected) report(`answer: ${line}`);
    });
    await hearViolations(context, report);
    await markHydration(context);
  }

  /** The address, or without one every address, is meant to answer with this status. */
  expect(status: number, url?: string): void {
    if (url === undefined) this.expectedAnywhere.add(status);
    else this.expected.add(`${status} ${url}`);
  }

  /** What was found so far. Takes it: the test has dealt with it. */
  async take(): Promise<string[]> {
    for (const { context, scripts } of this.contexts) {
      for (const page of context.pages()) {
        // What the page has still to tell comes before the answer to a question asked now.
        const settled = scripts
          ? page.evaluate(() => new Promise((done) => setTimeout(done)))
          : page.evaluate(() => 0);
        await settled.catch(() => undefined);
      }
    }
    return this.findings.splice(0);
  }

  private isExpectedAnywhere(url: string): boolean {
    return this.expectedAnywhere.size > 0 || [...this.expected].some((line) => line.endsWith(` ${url}`));
  }
}
