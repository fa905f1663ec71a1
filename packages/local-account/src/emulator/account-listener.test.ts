import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signedFetch } from "../test-support/signed-fetch.ts";
import { makeTemporaryDirectory } from "../test-support/temporary-directory.ts";
import { startTestEmulator, type TestEmulator } from "./test-support/start-test-emulator.ts";

const directory = makeTemporaryDirectory();
let emulator: TestEmulator;
beforeAll(async () => {
  emulator = await startTestEmulator(directory);
}, 120_000);
afterAll(() => emulator?.close());

function call(
  service: string,
  path: string,
  init: { method?: string; body?: string } = {},
): Promise<Response> {
  const { endpoint, credentials } = emulator;
  return signedFetch({ endpoint, service, credentials, path, ...init });
}

describe("the listener of the emulated account", () => {
  it("lets no page of a browser read an answer, whatever the emulator allows", async () => {
    const answer = await call("lambda", "/2015-03-31/functions", { method: "GET" });
    expect(answer.status).toBe(200);
    expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    expect(answer.headers.get("cross-origin-resource-policy")).toBe("same-origin");
  });

  it("answers a HEAD as such", async () => {
    expect((await call("s3", "/no-such-bucket", { method: "HEAD" })).status).toBe(404);
  });
});
