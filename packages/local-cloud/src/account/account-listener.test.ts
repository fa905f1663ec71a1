import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sign } from "../curl/sign.ts";
import { startTestEmulator, type TestEmulator } from "../emulator/test-support/start-test-emulator.ts";
import { LOCAL_REGION } from "../stage/environment.ts";
import { makeTemporaryDirectory } from "../test-support/temporary-directory.ts";

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
  const { method = "POST", body = "" } = init;
  const { accessKeyId, secretAccessKey } = emulator.credentials;
  const url = new URL(path, emulator.endpoint);
  const headers = new Headers({ "content-type": "application/x-www-form-urlencoded" });
  sign(
    { method, url, headers, body },
    `${accessKeyId}:${secretAccessKey}`,
    `aws:amz:${LOCAL_REGION}:${service}`,
  );
  return fetch(url, { method, headers, ...(body === "" ? {} : { body }) });
}

describe("the listener of the emulated account", () => {
  it("gives who assumes a role the keys of the run: there are no others", async () => {
    const query = {
      Action: "AssumeRole",
      Version: "2011-06-15",
      RoleArn: "arn:aws:iam::000000000000:role/any",
      RoleSessionName: "me",
    };
    const answer = await call("sts", "/", { body: new URLSearchParams(query).toString() });
    const text = await answer.text();
    expect(answer.status, text).toBe(200);
    expect(text).toContain(`<AccessKeyId>${emulator.credentials.accessKeyId}</AccessKeyId>`);
    expect(text).toContain(`<SecretAccessKey>${emulator.credentials.secretAccessKey}</SecretAccessKey>`);
  });

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
