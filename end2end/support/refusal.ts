// What a server that cannot start owes its operator: status 1 and one line on standard error that says why.
import { expect } from "@playwright/test";
import type { Ended } from "./server.ts";

export function expectRefusal({ code, stderr, stdout }: Ended, why: string | RegExp): void {
  expect
    .soft(stderr.trimEnd().split("\n"), "lines on standard error")
    .toEqual([expect.stringMatching(/^latchkey: /)]);
  expect.soft(stderr).toMatch(why);
  expect.soft(stderr + stdout).not.toContain("panicked");
  expect.soft(stdout, "standard output").not.toContain("is ready");
  expect(code).toBe(1);
}
