import { afterEach, expect, it, vi } from "vitest";
import { emulatorEnvironment, localEnvironment } from "./environment.ts";

afterEach(() => vi.unstubAllEnvs());

const access = {
  endpoint: "http://127.0.0.1:1",
  credentials: { accessKeyId: "AKIAOFTHERUN", secretAccessKey: "secret of the run" },
};

it("takes no AWS setting of the user's along: each could lead to a real account", () => {
  for (const name of [
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL_S3",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_CA_BUNDLE",
  ]) {
    vi.stubEnv(name, "user");
  }
  expect(Object.values(localEnvironment(access))).not.toContain("user");
});

it("points every service at the emulated account", () => {
  expect(localEnvironment(access, { MORE: "yes" })).toMatchObject({
    AWS_ENDPOINT_URL: "http://127.0.0.1:1",
    AWS_ACCESS_KEY_ID: "AKIAOFTHERUN",
    AWS_SECRET_ACCESS_KEY: "secret of the run",
    MORE: "yes",
  });
});

it("leads no tool to a proxy: all addresses are on this machine", () => {
  for (const name of ["http_proxy", "HTTPS_PROXY", "ALL_PROXY", "no_proxy"])
    vi.stubEnv(name, "http://proxy:1");
  expect(Object.values(localEnvironment(access))).not.toContain("http://proxy:1");
});

it("leaves functions nothing of the developer's shell", () => {
  for (const name of [
    "DBWARD_SERVER_URL",
    "DATABASE_URL",
    "RUST_LOG",
    "PYTHONPATH",
    "AWS_PROFILE",
    "https_proxy",
  ])
    vi.stubEnv(name, "user");
  const environment = emulatorEnvironment(access, { MORE: "yes" });
  expect(Object.values(environment)).not.toContain("user");
  expect(environment).toMatchObject({ AWS_ENDPOINT_URL: "http://127.0.0.1:1", MORE: "yes" });
  expect(environment.PATH).toContain(process.env.PATH);
});
