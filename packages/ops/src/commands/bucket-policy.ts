import { GetRoleCommand } from "@aws-sdk/client-iam";
import { GetBucketPolicyCommand } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { STACK_OUTPUTS } from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";
import { during, findStack, ifThere, liveStacks } from "@dbward-aws/stage";
import { quote } from "shell-quote";
import { type CommandContext, command } from "../command.ts";

/** Of dbward's deployment guide. */
const SID = "DenyAccessExceptAllowedPrincipals";

/** The stage has no bucket, or the roles that must keep their access are not known. */
export class BucketPolicyError extends DbwardError {
  override readonly name = "BucketPolicyError";

  constructor(message: string, hint: string) {
    super("bucket-policy-unknown", message, { hint });
  }
}

/** `pnpm ops bucket-policy`. */
export const bucketPolicy = command({
  command: "bucket-policy",
  summary: "Print the command that closes the bucket of the results to all but a few roles",
  examples: [
    ["bucket-policy --stage prod", "Changes nothing itself"],
    [
      "bucket-policy --stage prod --allow arn:aws:iam::123456789012:role/audit",
      "One more role keeps its access",
    ],
  ],
  options: (yargs) =>
    yargs.option("allow", {
      requiresArg: true,
      // An object: of a list the parser would keep the last element.
      coerce: (list: string) => ({ arns: String(list).split(",") }),
      describe: "ARNs of other roles and users that keep their access, separated by commas",
    }),
  async run(context, { allow }) {
    const { clients, names, region, io, print, settings } = context;
    const state = await findStack(clients, names.stack("State"));
    const bucket = state?.Outputs?.find(
      ({ OutputKey }) => OutputKey === STACK_OUTPUTS.resultBucket,
    )?.OutputValue;
    if (state === undefined || bucket === undefined)
      throw new BucketPolicyError(
        state === undefined
          ? `Stage ${settings.stage} is not deployed.`
          : `Stage ${settings.stage} keeps its results on the server's file system, and has no bucket for them.`,
        'Deploy the stage with storage.backend: "s3" first.',
      );
    const caller = await during("Asking who you are", clients.sts.send(new GetCallerIdentityCommand({})));
    const { Arn = "", Account = "" } = caller;
    const partition = Arn.split(":")[1] || "aws";
    const server = await serverRole(context);
    const allowed = [
      server,
      await principalOf(context, Arn),
      // CloudFormation works with this role where the stacks are deployed by the CDK's bootstrap roles.
      ...(state.RoleARN ? [state.RoleARN] : []),
      `arn:${partition}:iam::${Account}:root`,
      ...(allow?.arns ?? []),
    ];
    const present = await presentPolicy(context, bucket);
    const arn = `arn:${partition}:s3:::${bucket}`;
    const policy = {
      Version: "2012-10-17",
      ...present,
      Statement: [
        ...present.Statement.filter(({ Sid }) => Sid !== SID),
        {
          Sid: SID,
          Effect: "Deny",
          Principal: "*",
          Action: "s3:*",
          Resource: [arn, `${arn}/*`],
          Condition: { ArnNotEquals: { "aws:PrincipalArn": [...new Set(allowed)] } },
        },
      ],
    };
    io.complain(`With this policy, only these use bucket ${bucket}:`);
    for (const each of new Set(allowed)) io.complain(`- ${each}`);
    io.complain(
      "Everybody else is refused, administrators and CloudFormation with another role included. Only root and those above can take it back.",
    );
    const put = (document: object) =>
      quote([
        "aws",
        "s3api",
        "put-bucket-policy",
        "--region",
        region,
        "--bucket",
        bucket,
        "--policy",
        JSON.stringify(document),
      ]);
    io.complain(
      `To take it back: ${
        present.Statement.length > 0
          ? put({
              Version: "2012-10-17",
              ...present,
              Statement: present.Statement.filter(({ Sid }) => Sid !== SID),
            })
          : quote(["aws", "s3api", "delete-bucket-policy", "--region", region, "--bucket", bucket])
      }`,
    );
    print(put(policy));
    return 0;
  },
});

interface Policy {
  readonly Version?: string;
  readonly Statement: readonly { readonly Sid?: string }[];
}

/** The bucket's policy as it is: what it denies, such as plain HTTP, is to stay denied. */
async function presentPolicy({ clients }: CommandContext, bucket: string): Promise<Policy> {
  const found = await ifThere(
    `Reading the policy of bucket ${bucket}`,
    clients.s3.send(new GetBucketPolicyCommand({ Bucket: bucket })),
    "NoSuchBucketPolicy",
  );
  const policy = JSON.parse(found?.Policy ?? "{}") as Partial<Policy>;
  return { ...policy, Statement: policy.Statement ?? [] };
}

/** ARN of the role of the server's task. */
async function serverRole(context: CommandContext): Promise<string> {
  const { clients, names } = context;
  const state = (await liveStacks(context.settings.stage, clients)).find(({ id }) => id === "State");
  const name = state?.resources.find(
    ({ ResourceType, LogicalResourceId }) =>
      ResourceType === "AWS::IAM::Role" && LogicalResourceId?.startsWith("ServerTaskRole"),
  )?.PhysicalResourceId;
  if (name === undefined)
    throw new BucketPolicyError(
      `Stack ${names.stack("State")} has no role of the server's task.`,
      "Deploy the stage again, and run this once more.",
    );
  return roleArn(context, name);
}

/** The role behind a session, or the user, as `aws:PrincipalArn` has it. */
async function principalOf(context: CommandContext, arn: string): Promise<string> {
  const role = /:assumed-role\/([^/]+)\//.exec(arn)?.[1];
  return role === undefined ? arn : roleArn(context, role);
}

/** With the path of the role, which neither its name nor the ARN of a session has. */
async function roleArn({ clients }: CommandContext, name: string): Promise<string> {
  const { Role } = await during(
    `Looking up role ${name}`,
    clients.iam.send(new GetRoleCommand({ RoleName: name })),
  );
  return Role!.Arn!;
}
