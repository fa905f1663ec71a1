import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { awsCommands } from "./aws-commands.ts";
import { files, text } from "./repository.ts";

/** Options of an operation, by those that it can't do without. From the argument tables of awscli 1.46.3. */
const { operations } = JSON.parse(
  readFileSync(join(import.meta.dirname, "../recorded/aws-cli.json"), "utf8"),
) as {
  readonly operations: Readonly<
    Record<string, { readonly required: readonly string[]; readonly optional: readonly string[] }>
  >;
};

/** Of every command. */
const GLOBAL = ["--region", "--profile"];
/** Asks a person, and is a command of the AWS CLI 2 alone. */
const INTERACTIVE = ["configure sso"];

const commands = files(/^(packages\/(?!checks\/)|functions\/|infra\/).*(?<!\.test)\.ts$/)
  .filter((path) => !path.includes("/test-support/"))
  .flatMap((path) => awsCommands(path, text(path)))
  .filter(({ operation }) => !INTERACTIVE.includes(operation));

describe("the commands of the AWS CLI that are printed", () => {
  it("are found in literals, in alternatives, in calls and in lists", () => {
    const code = [
      "const a = `Run: aws ec2 revoke-$" +
        '{out ? "egress" : "ingress"} --group-id $' +
        "{id}, then ` + 'aws kms enable-key --key-id k. Done --no';",
      "const b = `x $" + "{ids.map((id) => `aws efs delete --id $" + "{id}`)}`;",
      "const c = aws(`s3 rb s3://$" + "{id} --force`);",
      'const d = quote(["aws", "s3api", "get", "--bucket", bucket]);',
    ].join("\n");
    expect(awsCommands("a.ts", code)).toEqual(
      [
        ["ec2 revoke-egress", ["--group-id"]],
        ["kms enable-key", ["--key-id"]],
        ["ec2 revoke-ingress", ["--group-id"]],
        ["kms enable-key", ["--key-id"]],
        ["efs delete", ["--id"]],
        ["s3 rb", ["--force", "--region"]],
        ["s3api get", ["--bucket"]],
      ].map(([operation, options]) => ({ source: "a.ts", operation, options })),
    );
  });

  it("are many", () => expect(commands.length).toBeGreaterThan(35));

  it.each(commands)("$operation $options in $source", ({ operation, options }) => {
    const known = operations[operation];
    // A new one is recorded from the page of the operation in the reference of the AWS CLI.
    expect(known, "aws-cli.json has no such operation").toBeDefined();
    expect([...known!.required, ...known!.optional, ...GLOBAL]).toEqual(expect.arrayContaining([...options]));
    expect(options).toEqual(expect.arrayContaining([...known!.required]));
    expect(options).toEqual([...new Set(options)]);
  });
});
