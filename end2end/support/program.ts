// Programs that `make setup-test` installs.
import { existsSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where a program is. The links of set-up are followed, so that what is installed beside it can be found. */
export function program(name: string): string {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (!found) throw new Error(`there is no ${name}: run 'make setup-test', which installs it`);
  return realpathSync(found);
}
