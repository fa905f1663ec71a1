import { test } from "vitest";
import { ServerSandbox } from "./server.ts";

/** A test with a folder of its own for servers, which are ended behind it. */
export const sandboxed = test.extend<{ sandbox: ServerSandbox }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of other fixtures out of the pattern
  sandbox: async ({}, use) => {
    const sandbox = await ServerSandbox.create();
    try {
      await use(sandbox);
    } finally {
      await sandbox.dispose();
    }
  },
});
