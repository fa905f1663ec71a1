import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../../../local-account/src/test-support/temporary-directory.ts";
import { makeProjectView } from "./project-view.ts";

function checkout(): string {
  const root = temporaryDirectory();
  for (const file of ["sst.config.ts", "package.json", ".env", ".env.local", "cdk.context.json"]) {
    writeFileSync(join(root, file), file);
  }
  mkdirSync(join(root, "config"));
  writeFileSync(join(root, "config", "server.toml"), "toml");
  return root;
}

it("shows the checkout's files, and keeps what is written beside them out of it", async () => {
  const root = checkout();
  const view = join(root, ".local", "sst");
  await makeProjectView(view, root);
  expect(readFileSync(join(view, "config", "server.toml"), "utf8")).toBe("toml");
  writeFileSync(join(view, "outputs.json"), "{}");
  expect(existsSync(join(root, "outputs.json"))).toBe(false);
});

it("leaves out .env files, which sst would lay over the endpoints", async () => {
  const root = checkout();
  const view = join(root, ".local", "sst");
  await makeProjectView(view, root);
  expect([".env", ".env.local", "cdk.context.json"].filter((name) => existsSync(join(view, name)))).toEqual(
    [],
  );
});

it("follows the checkout when it is made again, and keeps what sst wrote", async () => {
  const root = checkout();
  const view = join(root, ".local", "sst");
  const other = join(temporaryDirectory(), "other.config.ts");
  writeFileSync(other, "other");
  await makeProjectView(view, root);
  mkdirSync(join(view, ".sst"));
  await makeProjectView(view, root, other);
  expect(realpathSync(join(view, "sst.config.ts"))).toBe(realpathSync(other));
  expect(existsSync(join(view, ".sst"))).toBe(true);
});
