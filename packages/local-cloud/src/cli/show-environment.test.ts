import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { exportLines } from "./show-environment.ts";

const STATUS = {
  credentials: { accessKeyId: "AKIAOFTHERUN", secretAccessKey: "secret of the run" },
  endpoint: "http://127.0.0.1:4566",
  serverUrl: "http://127.0.0.1:4568/it's $HOME",
};

/**
 * The variables that a shell has after `eval "$(pnpm -s local env)"`, with `caller` as its environment
 * before.
 */
function evaluate(caller: Record<string, string>): Record<string, string> {
  const environment = { PATH: process.env.PATH ?? "", ...caller };
  const words = ["-c", 'eval "$1"; env -0', "sh", exportLines(STATUS, environment).join("\n")];
  const printed = execFileSync("sh", words, { encoding: "utf8", env: environment });
  return Object.fromEntries(
    printed
      .split("\0")
      .filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

it("leads every tool of a shell to the local stage", () => {
  expect(evaluate({})).toMatchObject({
    AWS_ENDPOINT_URL: STATUS.endpoint,
    AWS_REGION: "us-east-1",
    AWS_DEFAULT_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: STATUS.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: STATUS.credentials.secretAccessKey,
    DBWARD_SERVER_URL: STATUS.serverUrl,
  });
});

it("takes away what would lead to a real account, and nothing else", () => {
  const foreign = { AWS_PROFILE: "prod", AWS_SESSION_TOKEN: "x", AWS_ENDPOINT_URL_S3: "https://s3.example" };
  const kept = { AWS_PAGER: "less", DATABASE_URL: "postgres://db" };
  const after = evaluate({ ...foreign, ...kept, AWS_REGION: "eu-central-1" });
  expect(after).toMatchObject({ ...kept, AWS_REGION: "us-east-1" });
  for (const name of Object.keys(foreign)) expect(after).not.toHaveProperty(name);
});
