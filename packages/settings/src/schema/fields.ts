import { z } from "zod";
import { ecrHostProblem } from "../ecr.ts";
import { partitionProblem } from "../regions.ts";
import { secretProblem } from "../secret-reference.ts";
import { refuseRepeated } from "./distinct.ts";
import { always } from "./unknown-values.ts";

const CIDR = 'must be an IPv4 block such as "10.0.0.0/8", without host bits and leading zeros';

/** `10.0.0.0/8`: four numbers and a prefix length, without host bits. */
export const cidr = z.cidrv4({ error: CIDR, abort: true }).refine(hasNoHostBits, CIDR);

function hasNoHostBits(block: string): boolean {
  const [a, b, c, d, prefix] = block.split(/[./]/).map(Number) as [number, number, number, number, number];
  const address = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  const host = prefix === 32 ? 0 : 0xffffffff >>> prefix;
  return (address & host) === 0;
}

/** `123456789012`, as a string: a number would lose a leading zero. */
export const accountId = z
  .string()
  .regex(/^\d{12}$/, "must be the id of an AWS account, 12 digits in quotes");

/** Checks the form only: the list of regions changes over time. */
export const region = z
  .string()
  .regex(/^[a-z]{2,5}(-[a-z]+)+-\d+$/, 'must be the id of an AWS region such as "eu-central-1"');

/** An ECS cluster. */
export const cluster = z
  .string()
  .regex(/^(arn:[\w-]+:ecs:[a-z0-9-]+:\d{12}:cluster\/)?[\w-]{1,255}$/, {
    error: 'must be the name or the ARN of an ECS cluster, "arn:aws:ecs:REGION:ACCOUNT:cluster/NAME"',
    abort: true,
  })
  .refine((text) => partitionProblem(text) === undefined, {
    error: ({ input }) => partitionProblem(String(input)),
  });

/** A standard SNS topic. Neither alarms nor EventBridge publish to a FIFO topic, whose name ends in `.fifo`. */
export const topicArn = z
  .string()
  .regex(/^arn:[\w-]+:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$/, {
    error: 'must be the ARN of a standard SNS topic, "arn:aws:sns:REGION:ACCOUNT:NAME"',
    abort: true,
  })
  .refine((arn) => partitionProblem(arn) === undefined, {
    error: ({ input }) => partitionProblem(String(input)),
  });

/** Ids and names in AWS: the results of a lookup are checked by the same rules as the user's input. */
export const vpcId = z.string().regex(/^vpc-[0-9a-f]{8,17}$/, 'must be the id of a VPC, "vpc-…"');
export const subnetId = z.string().regex(/^subnet-[0-9a-f]{8,17}$/, 'must be the id of a subnet, "subnet-…"');
/** Any zone: partitions and local zones have names of many forms. */
export const availabilityZone = z
  .string()
  .regex(/^[a-z]{2,}(-[a-z0-9]+)+$/, 'must be an availability zone such as "eu-central-1a"');
/**
 * Where a subnet's default route leads: to an internet gateway (`public`), somewhere else, such as a NAT gateway or a
 * transit gateway (`nat`), or there is none (`endpoints`).
 */
export const egress = z.enum(["nat", "endpoints", "public"]);

/** A list of CIDR blocks without duplicates. */
export const cidrs = z.array(cidr).superRefine(refuseRepeated(), { when: always });

export const securityGroupId = z
  .string()
  .regex(/^sg-[0-9a-f]{8,17}$/, 'must be the id of a security group, "sg-…"');

/** Prefix length of a block that {@link cidr} accepted. */
export function prefixLength(block: string): number {
  return Number(block.slice(block.indexOf("/") + 1));
}

/** How a setting names a secret, for its description. */
export const SECRET_FORMS =
  "name or ARN, optionally followed by `:JSON-KEY:VERSION-STAGE:VERSION-ID`, as in ECS";

/** Names a secret, optionally a key in it. A database URL or a token is refused, and the message does not repeat it. */
export const secretName = z.string().refine((text) => secretProblem(text) === undefined, {
  error: ({ input }) => secretProblem(String(input)),
});

/** Environment variables that are filled from secrets. */
export const variableName = z
  .string()
  .regex(/^[A-Z_][A-Z0-9_]*$/, "must be a variable's name such as WEBHOOK_SECRET");
export const secretVariables = z.record(variableName, secretName);

/** A tag, a digest, or both. `latest` is valid, with a warning. */
export const imageTag = z
  .string()
  .regex(
    /^(sha256:[0-9a-f]{64}|\w[\w.-]{0,127}(@sha256:[0-9a-f]{64})?)$/,
    'must be a tag such as "0.2.0", a digest "sha256:…" of 64 hex digits, or both: "0.2.0@sha256:…"',
  );

export const imageRepository = z
  .string()
  .regex(/^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)+$/, {
    error: 'must be a repository with its host and without a tag, such as "ghcr.io/dbward-dev/dbward-server"',
    abort: true,
  })
  .refine((address) => ecrHostProblem(address) === undefined, {
    error: ({ input }) => ecrHostProblem(String(input)),
  });

/** Whether a repository is one in which dbward publishes its images. */
export function isDbwards(repository: unknown): boolean {
  return typeof repository === "string" && repository.startsWith("ghcr.io/dbward-dev/");
}

/** The retention periods of CloudWatch Logs, in days. */
const LOG_RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

export const logRetentionDays = z
  .number()
  .refine(
    (days) => LOG_RETENTION_DAYS.includes(days),
    `must be one of the retention periods of CloudWatch Logs: ${LOG_RETENTION_DAYS.join(", ")}`,
  );

export const ssmParameter = z
  .string()
  .regex(/^\/[\w./-]{1,1010}$/, 'must be the name of an SSM parameter, beginning with "/"');

export const certificateArn = z
  .string()
  .regex(/^arn:[\w-]+:acm:[\w-]+:\d{12}:certificate\/[\w-]+$/, {
    error: 'must be the ARN of an ACM certificate, "arn:aws:acm:REGION:ACCOUNT:certificate/ID"',
    abort: true,
  })
  .refine((arn) => partitionProblem(arn) === undefined, {
    error: ({ input }) => partitionProblem(String(input)),
  });

/** A listener of an Application Load Balancer. */
export const listenerArn = z
  .string()
  .regex(
    /^arn:[\w-]+:elasticloadbalancing:[a-z0-9-]+:\d{12}:listener\/app\/[\w-]{1,32}\/[0-9a-z]+\/[0-9a-z]+$/,
    {
      error:
        'must be the ARN of a listener of an Application Load Balancer, "arn:aws:elasticloadbalancing:REGION:ACCOUNT:listener/app/NAME/ID/ID"',
      abort: true,
    },
  )
  .refine((arn) => partitionProblem(arn) === undefined, {
    error: ({ input }) => partitionProblem(String(input)),
  });

/** A managed policy, the account's own or one of AWS. */
export const policyArn = z.string().regex(/^arn:[\w-]+:iam::(\d{12}|aws):policy\/[\w+=,.@/-]+$/, {
  error: 'must be the ARN of a managed policy, "arn:aws:iam::ACCOUNT:policy/NAME"',
  abort: true,
});

/** The ARN of the key itself: the policy of a role can't name an alias. */
const KEY_ARN =
  /^arn:[\w-]+:kms:[\w-]+:\d{12}:key\/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** @param word a text that is accepted in place of an ARN */
export function keyArn(word?: string) {
  const words = word === undefined ? "" : `"${word}" or `;
  return z
    .string()
    .refine((text) => text === word || KEY_ARN.test(text), {
      error: `must be ${words}the ARN of a KMS key, "arn:aws:kms:REGION:ACCOUNT:key/ID", not of an alias`,
      abort: true,
    })
    .refine((text) => text === word || partitionProblem(text) === undefined, {
      error: ({ input }) => partitionProblem(String(input)),
    });
}

export const rustLog = z.string().min(1, 'must be a log filter such as "info"');

/** Seconds of a stop timeout; Fargate waits 120 at most. */
export const stopTimeout = (minimum: number, reason: string) =>
  z.int().min(minimum, reason).max(120, "must be at most 120: Fargate waits no longer");
