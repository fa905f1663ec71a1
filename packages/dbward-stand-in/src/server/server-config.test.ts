import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { readServerConfig } from "./server-config.ts";

const WORKFLOW = '[[workflows]]\ndatabase = "app"\nenvironment = "production"\noperations = ["select"]\n';

describe("readServerConfig", () => {
  it.each([
    ["an empty file", ""],
    ["an automatic workflow", `${WORKFLOW}[workflows.auto_approve]\n`],
    [
      "a workflow with steps",
      `${WORKFLOW}[[workflows.steps]]\n[[workflows.steps.approvers]]\nrole = "approver"\n`,
    ],
    ["a role", '[[auth.roles]]\nname = "cloudwatch-metrics"\npermissions = ["metrics.view"]\n'],
    ["results in S3", '[result_storage]\nbackend = "s3"\nbucket = "b"\nregion = "eu-west-1"\n'],
    ["results beside the state", '[result_storage]\nbackend = "local"\nroot_dir = "/data/results"\n'],
    ["what it doesn't know", '[logging]\nformat = "json"\n[something]\nelse = 1\n'],
  ])("takes %s", (_, toml) => {
    expect(() => readServerConfig(parse(toml))).not.toThrow();
  });

  it.each([
    [WORKFLOW, "workflows[0]: either auto_approve or steps is required"],
    [`${WORKFLOW}[[workflows.steps]]\n`, "workflows[0].steps[0]: approvers must not be empty"],
    [
      "[[workflows]]\ndatabase = 'app'\n[workflows.auto_approve]\n",
      "workflows[0]: missing field `environment`",
    ],
    ["[[auth.roles]]\nname = 'admin'\n", 'auth.roles[0]: built-in role "admin" cannot be redefined'],
    ["[[auth.roles]]\nname = 'a'\n[[auth.roles]]\nname = 'a'\n", 'auth.roles[1]: role "a" is defined twice'],
    [
      "[[auth.roles]]\nname = 'a'\npermissions = ['everything']\n",
      'auth.roles[0]: unknown permission "everything"',
    ],
    [
      "[[auth.roles]]\nname = 'a'\npermissions = 'metrics.view'\n",
      "auth.roles[0]: permissions must be an array of strings",
    ],
    ["[auth]\nmode = 'none'\n", 'auth: unknown mode "none"'],
    ["[[databases]]\nname = 'app'\n", "databases[0]: environments must not be empty"],
    ["[result_storage]\nbackend = 'gcs'\n", 'result_storage: unknown backend "gcs"'],
    ["[result_storage]\nbackend = 's3'\nbucket = 'b'\n", "result_storage: missing field `region`"],
    ["state_dir = 1\n", "server.toml: state_dir must be a string"],
  ])("refuses %j", (toml, problem) => {
    expect(() => readServerConfig(parse(toml))).toThrow(problem);
  });
});
