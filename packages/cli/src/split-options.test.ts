import { expect, it } from "vitest";
import { splitOptions } from "./split-options.ts";

const split = (line: string) => splitOptions(line.split(" "), ["stage", "region"]);

it.each([
  ["deploy --stage prod --region=eu-west-1", { stage: "prod", region: "eu-west-1" }, "deploy"],
  ["--stage prod diff prod-Server", { stage: "prod" }, "diff prod-Server"],
  ["deploy --stage a --stage b", { stage: "b" }, "deploy"],
  [
    "deploy --no-rollback --concurrency=2 -c stage=x --require-approval never -fv 12",
    {},
    "deploy --no-rollback --concurrency=2 -c stage=x --require-approval never -fv 12",
  ],
  [
    "deploy --no-rollback true --stage prod --outputs-file o.json",
    { stage: "prod" },
    "deploy --no-rollback true --outputs-file o.json",
  ],
  ["deploy --all -- --stage other", {}, "deploy --all -- --stage other"],
  ["--version", {}, "--version"],
  ["deploy --help", {}, "deploy --help"],
])("divides %s", (line, own, rest) => {
  expect(split(line)).toEqual({ own, rest: rest.split(" ") });
});
