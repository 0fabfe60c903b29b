// The list of pages that `tests/pages.spec.ts` walks. A new page is one line here.
import type { Page } from "@playwright/test";

export interface Listed {
  /** Names the screenshots. */
  name: string;
  path: string;
  /** 200 unless it says otherwise. */
  status?: number;
  /** What must be so before the page can be opened, such as somebody being signed in. */
  before?: (page: Page) => Promise<void>;
}

export const PAGES: Listed[] = [
  { name: "start", path: "/" },
  { name: "not-found", path: "/no-such-page", status: 404 },
];
