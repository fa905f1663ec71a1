import { AGENT, AGENT_TOKENS, variableReader } from "@dbward-aws/contract";
import { z } from "zod";
import { agentNameMeaning } from "./agent-names.ts";
import type { DeepReadonly } from "./deep-readonly.ts";
import * as field from "./fields.ts";
import { checkTask, image, taskFields, type WithConfig } from "./task.ts";
import { always, asFields, asList } from "./unknown-values.ts";

/** Default of an agent's `stopTimeoutSeconds`. */
export const AGENT_STOP_TIMEOUT = 90;

const databaseFields = {
  urlSecret: field.secretName.meta({
    description: `Secret whose value is the database URL: ${field.SECRET_FORMS}. It must exist before the stage is deployed.`,
  }),
  port: z
    .int()
    .min(1, "must be a port")
    .max(65535, "must be a port")
    .default(5432)
    .meta({ description: "Port: 5432 for PostgreSQL, 3306 for MySQL." }),
  securityGroupId: field.securityGroupId.optional().meta({
    description:
      "Security group of the database. The deployment adds the outbound rule of the agent and the inbound rule of this group, and " +
      "removes them with the agent.",
  }),
  cidrs: field.cidrs.min(1, "must name at least one block").optional().meta({
    description:
      "Instead of `securityGroupId`: IPv4 CIDR blocks that contain the database. The agent reaches no other address on this port.",
    whenOmitted: "without `securityGroupId`, the CIDR blocks of the VPC",
  }),
};

const database = z
  .strictObject(databaseFields)
  .superRefine(refuseTwoPlaces, { when: always })
  .meta({ title: "A database" });

const namedDatabase = z
  .strictObject({
    variable: field.variableName.meta({
      description: "Environment variable that gets the URL; agent.toml refers to it.",
    }),
    ...databaseFields,
  })
  .superRefine(refuseTwoPlaces, { when: always })
  .meta({ title: "One of several databases" });

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
      })
      .meta({
        description:
          "Lower-case letters, digits and hyphens. Its service, its secret and its metrics have this name, and so has the subject " +
          "of its own token. Another name is another agent.",
      }),
    token: z
      .enum(AGENT_TOKENS)
      .optional()
      .meta({
        description:
          "`own`: a token that the server makes for this agent, in the secret `dbward/STAGE/agent-token/NAME`. `bootstrap`: the " +
          "token that the server's first start writes, with the subject `agent`, in the secret `dbward/STAGE/agent-token`; for one agent at most.",
        whenOmitted: "`own`",
      }),
    image: image("ghcr.io/dbward-dev/dbward-agent").meta({ description: "The agent's image." }),
    ...taskFields({ cpu: 256, memoryMiB: 512, configName: "agent.toml" }),
    database: database.optional().meta({
      description: `The database that the agent reaches by the URL in the variable \`${AGENT.databaseUrlVariable}\`.`,
      whenOmitted: "one of the two is required",
    }),
    databases: z.array(namedDatabase).min(1, "must name at least one database").optional().meta({
      description: "Instead of `database`: several databases, each with its own variable.",
      whenOmitted: "one of the two is required",
    }),
    capacityProvider: z
      .enum(["FARGATE", "FARGATE_SPOT"])
      .default("FARGATE")
      .meta({
        description:
          "`FARGATE`: on demand. `FARGATE_SPOT`: up to 70 % cheaper, but AWS may stop a task at any time with two minutes' notice, " +
          "and may have no capacity to replace it for a while. A statement that is still running then is cut off.",
      }),
    desiredCount: z.int().min(0, "must be 0 or more").max(100, "must be at most 100").default(1).meta({
      description:
        "Number of tasks. Replicas share the agent's token and are one row in `/api/agents`. With 0, no alarm reports the agent as missing.",
    }),
    scaling: z
      .strictObject({
        min: z.int().min(1, "must be 1 or more").max(99, "must be at most 99").default(1).meta({
          description: "Minimum number of tasks.",
        }),
        max: z.int().min(2, "must be 2 or more").max(100, "must be at most 100").meta({
          description: "Maximum number of tasks.",
        }),
      })
      .refine(({ min, max }) => min < max, { path: ["max"], error: "must be more than min" })
      .meta({ title: "Number of tasks by the queue" })
      .optional()
      .meta({
        description:
          "Instead of `desiredCount`: the poller chooses the number of tasks between two bounds. It adds tasks when more requests wait " +
          "than the running ones can take, and returns to the minimum when no request of the stage has waited or run for 10 minutes.",
        whenOmitted: "the number of tasks stays as it is",
      }),
    stopTimeoutSeconds: field
      .stopTimeout(31, "must be more than 30: an agent that waits for its database takes 30 seconds to stop")
      .default(AGENT_STOP_TIMEOUT)
      .meta({
        description:
          "Seconds between SIGTERM and SIGKILL, 31 to 120. Should be longer than `drain_timeout_secs` of agent.toml, the time that the " +
          "agent gives its running requests. An agent that waits for its database takes up to 30 seconds to stop.",
      }),
    ecsExec: z.boolean().default(false).meta({
      description:
        "Allow ECS Exec into its tasks. Anyone who is allowed to use it can read the database URL.",
    }),
  })
  .superRefine(checkTask, { when: always })
  .superRefine(checkDatabases, { when: always })
  .transform(({ database, databases, scaling, desiredCount, ...others }) => ({
    ...others,
    desiredCount: scaling?.min ?? desiredCount,
    ...(scaling && { scaling }),
    databases:
      databases ?? (database ? [{ variable: AGENT.databaseUrlVariable as string, ...database }] : []),
  }))
  .meta({ title: "An agent: outbound only, next to its database" });

export const agents = z
  .array(agent)
  .min(1, "must name at least one agent")
  .superRefine(refuseWhatTwoHave, { when: always })
  .meta({
    description: "The agents, at least one, each known by its name. Their order has no meaning.",
  });

function refuseTwoPlaces(value: unknown, context: z.RefinementCtx): void {
  const { securityGroupId, cidrs } = asFields(value);
  if (securityGroupId !== undefined && cidrs !== undefined)
    context.addIssue({
      code: "custom",
      path: ["cidrs"],
      message: "can't be set together with securityGroupId: one of the two says where the database is",
    });
}

/** There is one setting for a single database and another for several; each variable has one source. */
function checkDatabases(value: unknown, context: z.RefinementCtx): void {
  const { database, databases, secrets } = asFields(value);
  const refuse = (path: PropertyKey[], message: string) =>
    context.addIssue({ code: "custom", path, message });
  if (database === undefined && databases === undefined)
    refuse(
      ["database"],
      "is missing: name the secret with the database's URL, or several databases under databases",
    );
  if (database !== undefined && databases !== undefined)
    refuse(
      ["databases"],
      "can't be set together with database: list all databases here, each with its variable",
    );
  const variables = asList(databases).map((each) => asFields(each).variable);
  variables.forEach((variable, index) => {
    if (typeof variable !== "string") return;
    const path = ["databases", index, "variable"];
    const reader = variable === AGENT.databaseUrlVariable ? undefined : variableReader(variable);
    if (reader) refuse(path, `can't be ${variable}: ${reader}. Choose another one`);
    else if (variables.indexOf(variable) < index)
      refuse(
        path,
        `is ${variable}, the variable of databases.${variables.indexOf(variable)}: each database needs its own variable`,
      );
    else if (Object.hasOwn(asFields(secrets), variable))
      refuse(["secrets", variable], `is already the variable of databases.${index}`);
  });
}

/** A name and the bootstrap token belong to one agent each. */
function refuseWhatTwoHave(value: unknown, context: z.RefinementCtx): void {
  const agents = asList(value).map(asFields);
  const names = agents.map(({ name }) => name);
  const holder = agents.findIndex(({ token }) => token === "bootstrap");
  agents.forEach(({ token }, index) => {
    if (token === "bootstrap" && index > holder)
      context.addIssue({
        code: "custom",
        path: [index, "token"],
        message: `is "bootstrap", which agents.${holder} has as well: there is only one bootstrap token. Leave it out here`,
      });
  });
  names.forEach((name, index) => {
    if (typeof name === "string" && names.indexOf(name) < index)
      context.addIssue({
        code: "custom",
        path: [index, "name"],
        message: `is "${name}", the name of agents.${names.indexOf(name)}: each agent needs its own name`,
      });
  });
}

/** A database of an agent. Without a security group and blocks it is in the blocks of the VPC. */
export type DatabaseSettings = DeepReadonly<z.output<typeof namedDatabase>>;
export type AgentSettings = DeepReadonly<WithConfig<z.output<typeof agent>>>;
