// Finding things with scripts: lists that follow what is typed, the command palette and the shortcuts.
import { expect, test } from "../support/test.ts";

const KEYS = "/settings/api-keys";

test("lists follow what is typed, and the cursor stays", async ({ serve, visit }) => {
  const server = await serve();
  const alice = visit(server);
  const { page } = alice;
  await alice.setUp();
  const key = async (name: string) => {
    await alice.open("/settings/api-keys/new");
    await alice.fill({ Name: name });
    await alice.press("Create key");
    const secret = (await page.locator("#plaintext").textContent()) ?? "";
    await alice.follow(() => page.getByRole("link", { name: "I've saved it" }).click());
    return secret;
  };
  await key("ci-deploy");
  const secret = await key("depot gate");
  await alice.open(KEYS);
  const search = page.getByLabel("Search by name, prefix or owner");
  const rows = page.locator("a.row-link");
  await search.pressSequentially("pott gate");
  for (let back = 0; back < 6; back++) await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Delete");
  await expect(page).toHaveURL(`${server.url}${KEYS}?q=pot+gate`);
  await expect(rows).toHaveText(["depot gate"]);
  await expect(search).toBeFocused();
  await expect(search).toHaveValue("pot gate");
  expect(await search.evaluate((field: HTMLInputElement) => field.selectionStart)).toBe(3);
  await search.fill("xyzzy");
  await expect(page.getByRole("heading", { name: "No key matches “xyzzy”" })).toBeVisible();
  await alice.follow(() => search.fill(secret));
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("depot gate");

  await alice.open("/settings/audit-log");
  await page.getByLabel("Target").pressSequentially("epot");
  await expect(page.locator(".audit-row .a-target")).toHaveText(["depot gate"]);
  await expect(page.getByRole("link", { name: "Export JSONL" })).toHaveAttribute("href", /target=epot/);
});

test("the palette is opened, searched and left with the keyboard", async ({ serve, visit }) => {
  const server = await serve();
  const alice = visit(server);
  const { page } = alice;
  await alice.setUp();
  await alice.open(KEYS);
  const palette = page.getByRole("dialog", { name: "Search and commands" });
  const options = palette.getByRole("option");
  await page.keyboard.press("Control+k");
  await expect(palette.getByRole("combobox")).toBeFocused();
  await page.keyboard.type("aud");
  await expect(options.first()).toHaveAttribute("aria-selected", "true");
  await expect(options).toHaveText([/Export audit log/, /Audit log/]);
  await page.keyboard.press("ArrowDown");
  await alice.follow(() => page.keyboard.press("Enter"));
  await alice.isAt("/settings/audit-log");

  await page.getByRole("link", { name: "Search", exact: false }).first().click();
  await expect(palette).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(palette).toBeHidden();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await expect(page.getByLabel("Actor")).toBeFocused();
  // Keys that are typed into a field are no shortcuts.
  await page.keyboard.type("c?gk");
  await expect(page.getByLabel("Actor")).toHaveValue("c?gk");
  await page.getByLabel("Actor").blur();
  await page.keyboard.press("g");
  await alice.follow(() => page.keyboard.press("k"));
  await alice.isAt(KEYS);
  await alice.follow(() => page.keyboard.press("c"));
  await alice.isAt("/settings/api-keys/new");
});
