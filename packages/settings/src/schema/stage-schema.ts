import { ALARM_IDS, BASE_URL_PATTERN, isAlarmId, POLLER_LIMITS } from "@dbward-aws/contract";
import { z } from "zod";
import type { AgentInput, ExistingNetworkInput, NewNetworkInput, StageInput } from "../dbward-config.ts";
import { suggest } from "../suggest.ts";
import { checkAcross } from "./check-across.ts";
import { fargateProblem } from "./fargate.ts";
import * as field from "./fields.ts";
import { asFields, isObject } from "./given.ts";
import { agentNameMeaning } from "./reserved-names.ts";

/** Default of `rustLog`. */
export const RUST_LOG = "info";
/** Default of an agent's `stopTimeoutSeconds`. */
export const AGENT_STOP_TIMEOUT = 90;

const egress = z.enum(["nat", "endpoints", "public"]).default("nat");

const newNetwork = z.strictObject({
  cidr: field.cidr
    .refine((block) => field.prefixLength(block) >= 16 && field.prefixLength(block) <= 24, {
      error: "must be between /16 and /24: a VPC holds no more, and the subnets need the room",
      when: ({ issues }) => issues.length === 0,
    })
    .default("10.60.0.0/16"),
  availabilityZones: z
    .int()
    .min(2, "must be 2 or 3: a load balancer needs two zones")
    .max(3, "must be 2 or 3")
    .default(2),
  egress,
});

const subnet = z.strictObject({
  id: z.string().regex(/^subnet-[0-9a-f]{8,17}$/, 'must be the id of a subnet, "subnet-…"'),
  availabilityZone: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/, 'must be an availability zone such as "eu-central-1a"'),
});

const subnets = z.array(subnet).superRefine((list, context) => {
  list.forEach(({ id }, index) => {
    if (list.findIndex((other) => other.id === id) < index)
      context.addIssue({ code: "custom", path: [index, "id"], message: `names ${id} a second time` });
  });
});

const existingNetwork = z.strictObject({
  vpcId: z.string().regex(/^vpc-[0-9a-f]{8,17}$/, 'must be the id of a VPC, "vpc-…"'),
  cidr: field.cidr,
  subnets: subnets
    .min(2, "must name two subnets or more, in different availability zones")
    .superRefine((list, context) => {
      list.forEach(({ availabilityZone }, index) => {
        if (list.findIndex((other) => other.availabilityZone === availabilityZone) < index)
          context.addIssue({
            code: "custom",
            path: [index, "availabilityZone"],
            message: `is ${availabilityZone} a second time: EFS takes one mount target a zone`,
          });
      });
    }),
  publicSubnets: subnets.default([]),
  egress,
});

const storage = z.strictObject({
  backend: z.enum(["s3", "local"]).default("s3"),
  retentionDays: z.int().min(1, "must be 1 or more days").max(3650, "must be at most 3650 days").default(30),
});

const image = (repository: string) =>
  z
    .strictObject({
      tag: field.imageTag,
      repository: field.imageRepository.default(repository),
      ecrRepositoryName: z
        .string()
        .regex(/^[a-z0-9]+([._/-][a-z0-9]+)*$/, "must be the name of a repository in ECR")
        .optional(),
    })
    .superRefine(
      (value, context) => {
        const { tag, repository: own = repository } = asFields(value);
        if (!field.isDbwards(own) || typeof tag !== "string" || !/^v\d/.test(tag)) return;
        context.addIssue({
          code: "custom",
          path: ["tag"],
          message: `is "${tag}", which dbward does not publish: write "${tag.slice(1)}", without the v`,
        });
      },
      { when: always },
    );

const config = {
  configFile: z.string().min(1, "must be a path relative to dbward.config.ts").optional(),
  configToml: z.string().min(1, "must be the text of a TOML file").optional(),
  configParameter: field.ssmParameter.optional(),
};

const deployment = z.strictObject({
  minimumHealthyPercent: z
    .literal(0, "must be 0: the old task has to stop before the new one starts, two writers corrupt SQLite")
    .default(0),
  maximumPercent: z
    .literal(100, "must be 100: a second task would write to the same SQLite file and corrupt it")
    .default(100),
});

const loadBalancer = z
  .strictObject({
    scheme: z.enum(["internal", "internet-facing"]).default("internal"),
    certificateArn: field.certificateArn.optional(),
    allowedCidrs: z.array(field.cidr).min(1, "must name at least one block").optional(),
    allowPublicHttp: z.boolean().default(false),
  })
  .superRefine(
    (value, context) => {
      const given = asFields(value);
      if (given.scheme !== "internet-facing" || given.certificateArn || given.allowPublicHttp === true)
        return;
      context.addIssue({
        code: "custom",
        path: ["certificateArn"],
        message:
          "is missing: an internet-facing load balancer without a certificate sends tokens in plain text. " +
          "Name an ACM certificate, or write allowPublicHttp: true",
      });
    },
    { when: always },
  );

const server = z
  .strictObject({
    image: image("ghcr.io/dbward-dev/dbward-server"),
    ...config,
    cpu: z.int().default(512),
    memoryMiB: z.int().default(1024),
    rustLog: field.rustLog.default(RUST_LOG),
    allowedCidrs: z.array(field.cidr).default([]),
    loadBalancer: loadBalancer.optional(),
    deployment: deployment.prefault({}),
    stopTimeoutSeconds: field
      .stopTimeout(21, "must be more than 20: the server drains for 20 seconds before it ends")
      .default(120),
    logRetentionDays: field.logRetentionDays.default(14),
    licenseKeySecret: field.secretName.optional(),
    secrets: field.secretVariables.default({}),
    backups: z.boolean().default(true),
  })
  .superRefine(checkTask, { when: always });

const agent = z
  .strictObject({
    name: z
      .string()
      .regex(
        /^[a-z][a-z0-9-]{0,30}[a-z0-9]$/,
        "must be 2 to 32 lower-case letters, digits and hyphens, beginning with a letter",
      )
      .refine((name) => agentNameMeaning(name) === undefined, {
        error: ({ input }) => `can't be "${input}": ${agentNameMeaning(String(input))}`,
      }),
    image: image("ghcr.io/dbward-dev/dbward-agent"),
    ...config,
    database: z.strictObject({
      urlSecret: field.secretName,
      port: z.int().min(1, "must be a port").max(65535, "must be a port").default(5432),
      cidrs: z.array(field.cidr).min(1, "must name at least one block").optional(),
    }),
    cpu: z.int().default(256),
    memoryMiB: z.int().default(512),
    desiredCount: z.int().min(0, "must be 0 or more").max(100, "must be at most 100").default(1),
    rustLog: field.rustLog.default(RUST_LOG),
    stopTimeoutSeconds: field
      .stopTimeout(31, "must be more than 30: an agent that waits for its database takes 30 seconds to end")
      .default(AGENT_STOP_TIMEOUT),
    logRetentionDays: field.logRetentionDays.default(14),
    secrets: field.secretVariables.default({}),
    ecsExec: z.boolean().default(false),
  })
  .superRefine(checkTask, { when: always });

const capture = z.strictObject({
  method: z.enum(["exec", "task"]).default("exec"),
  allowSessionLogging: z.boolean().default(false),
});

/** A slash at its end is dropped when the settings are completed. */
const serverUrl = z.string().refine((url) => BASE_URL_PATTERN.test(url.replace(/\/+$/, "")), {
  error:
    'must be the URL of the server, such as "http://10.0.0.5:3000": protocol, host, port and path, without user, password, query and fragment',
});

const perAgentMetrics = `must be 0 to ${POLLER_LIMITS.maxPerAgentMetrics}`;

const alarmName = z.string().refine((name): boolean => isAlarmId(name), {
  error: ({ input }) =>
    `is not an alarm${suggest(String(input), ALARM_IDS) || `; there are: ${ALARM_IDS.join(", ")}`}`,
});

const monitoring = z.strictObject({
  publisher: z.enum(["api", "emf"]).default("api"),
  perAgentMetrics: z
    .int()
    .min(0, perAgentMetrics)
    .max(POLLER_LIMITS.maxPerAgentMetrics, perAgentMetrics)
    .default(0),
  serverUrl: serverUrl.optional(),
  emails: z.array(z.email("must be an e-mail address")).default([]),
  httpsEndpoints: z
    .array(
      z
        .url({ protocol: /^https$/, error: "must be an https:// URL" })
        .refine(
          (url) => !/^https:\/\/[^/?#]*@/.test(url),
          "must not hold a user or password: it is shown in the template",
        ),
    )
    .default([]),
  thresholds: z.record(alarmName, z.number("must be a number")).default({}),
  runbooksUrl: z
    .url({ protocol: /^https$/, error: "must be an https:// URL" })
    .max(120, "must have at most 120 characters")
    .transform((url) => url.replace(/\/+$/, ""))
    .optional(),
});

type Network = typeof newNetwork | typeof existingNetwork;

/** Which schema fits is told by what only an existing network has, so that mistakes in it are named, not the choice. */
function networkSchema(given: unknown): z.ZodType<z.output<Network>, z.input<Network> | undefined> {
  const { vpcId, subnets } = asFields(given);
  return vpcId === undefined && subnets === undefined ? newNetwork.prefault({}) : existingNetwork;
}

/** The schema for this very input: what may be written in a stage, and the defaults for what is left out. */
export function stageSchema(given: unknown) {
  return z
    .strictObject({
      network: networkSchema(asFields(given).network),
      storage: storage.prefault({}),
      server,
      agents: z
        .array(agent)
        .min(1, "must name at least one agent")
        .superRefine(refuseSameNames, { when: always }),
      capture: capture.prefault({}),
      monitoring: monitoring.prefault({}),
    })
    .superRefine(checkAcross, { when: always });
}

/** A stage whose every field is well-formed and filled in. */
export type ParsedStage = z.output<ReturnType<typeof stageSchema>>;

type Context = z.RefinementCtx;

/** What a task's fields have to agree on. Runs on whatever was given, so that its findings come with all others. */
function checkTask(value: unknown, context: Context): void {
  if (!isObject(value)) return;
  const given = asFields(value);
  const sources = Object.keys(config).filter((key) => given[key] !== undefined);
  if (sources.length === 0)
    context.addIssue({
      code: "custom",
      path: ["configFile"],
      message: "is missing: name a file, or give configToml or configParameter",
    });
  if (sources.length > 1)
    context.addIssue({
      code: "custom",
      path: [sources[1]!],
      message: `can't be given together with ${sources[0]}: one source only`,
    });
  if (typeof given.cpu !== "number" || typeof given.memoryMiB !== "number") return;
  const size = fargateProblem(given.cpu, given.memoryMiB);
  if (size) context.addIssue({ code: "custom", path: [size.field], message: size.message });
}

function refuseSameNames(value: unknown, context: Context): void {
  if (!Array.isArray(value)) return;
  const names = value.map((agent) => asFields(agent).name);
  names.forEach((name, index) => {
    if (typeof name === "string" && names.indexOf(name) < index)
      context.addIssue({
        code: "custom",
        path: [index, "name"],
        message: `is "${name}", which agents.${names.indexOf(name)} has already: each agent has a token of its own`,
      });
  });
}

function always(): boolean {
  return true;
}

// What the doc comments promise and what the schema accepts are the same, or this file doesn't compile.
type Same<Written, Accepted extends Written> = Accepted;
type _Stage = Same<StageInput, z.input<ReturnType<typeof stageSchema>>>;
/** @public Makes the comparison count as used. */
export type _Checked = [_Stage, AgentInput, NewNetworkInput, ExistingNetworkInput];
