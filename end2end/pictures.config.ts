// The configuration of the tests, for the script that takes README's pictures.
import tests from "./playwright.config.ts";

export default { ...tests, testDir: "pictures", projects: [{ name: "pictures" }] };
