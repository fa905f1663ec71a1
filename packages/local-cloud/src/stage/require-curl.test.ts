import { writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../../../local-account/src/test-support/temporary-directory.ts";
import { requireCurl } from "./require-curl.ts";

it("finds curl in any folder of the PATH, and says how to install it when there is none", () => {
  const [empty, folder] = [temporaryDirectory(), temporaryDirectory()];
  const curl = join(folder, "curl");
  writeFileSync(curl, "", { mode: 0o644 });
  const searchPath = [empty, "", folder].join(delimiter);
  expect(() => requireCurl(searchPath)).toThrow(
    /^The local stage needs curl, and the PATH has none\. Install it \(.*\[curl-missing\]$/s,
  );
  const executable = join(empty, "curl");
  writeFileSync(executable, "", { mode: 0o755 });
  expect(() => requireCurl(searchPath)).not.toThrow();
});
