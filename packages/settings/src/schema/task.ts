import type { ConfigSource } from "@dbward-aws/dbward-config";
import { z } from "zod";
import { ecrRepository } from "../ecr.ts";
import type { DeepReadonly } from "./deep-readonly.ts";
import { fargateProblem } from "./fargate.ts";
import * as field from "./fields.ts";
import { always, asFields, isObject } from "./unknown-values.ts";

/** Default of `rustLog`. */
export const RUST_LOG = "info";

/** @param repository the one in which dbward publishes this program */
export const image = (repository: string) =>
  z
    .strictObject({
      tag: field.imageTag.meta({
        description:
          "Pinned tag (`0.2.0`), digest (`sha256:…`), or a tag with the digest that is pulled (`0.2.0@sha256:…`), whose version commands and checks still know. Moving tags such as `latest` and `0.2` are accepted with a warning.",
      }),
      repository: field.imageRepository.default(repository).meta({
        description:
          "Repository, with its host and without a tag. From a repository in ECR, of any account and region, the task gets the right to pull.",
        whenOmitted: "dbward's own on ghcr.io",
      }),
      ecrRepositoryName: z
        .string()
        .regex(/^[a-z0-9]+([._/-][a-z0-9]+)*$/, "must be the name of a repository in ECR")
        .optional()
        .meta({
          description:
            "Instead of `repository`: name of a repository in ECR, in the account and region of the stage.",
        }),
      pullThroughCache: z.boolean().default(false).meta({
        description:
          "The repository in ECR belongs to a pull-through cache: ECS may create it, and import the image on the first pull.",
      }),
    })
    .superRefine(
      (value, context) => {
        const { tag, repository: own = repository, ecrRepositoryName, pullThroughCache } = asFields(value);
        const refuse = (path: string, message: string) =>
          context.addIssue({ code: "custom", path: [path], message });
        const isWritten = typeof own === "string" && own !== repository;
        const ecr = isWritten ? ecrRepository(own) : undefined;
        if (isWritten && typeof ecrRepositoryName === "string" && ecr?.name !== ecrRepositoryName)
          refuse(
            "ecrRepositoryName",
            `is "${ecrRepositoryName}", but repository is ${own}: set only one of the two`,
          );
        if (pullThroughCache === true && !ecr && ecrRepositoryName === undefined)
          refuse("pullThroughCache", "is true, but the image is not in ECR: name its repository in ECR");
        if (
          field.isDbwards(own) &&
          ecrRepositoryName === undefined &&
          typeof tag === "string" &&
          /^v\d/.test(tag)
        )
          refuse("tag", `is "${tag}", which dbward does not publish: write "${tag.slice(1)}", without the v`);
      },
      { when: always },
    )
    .meta({ title: "A container image" });

export type ImageSettings = DeepReadonly<z.output<ReturnType<typeof image>>>;

const ONE_OF_THREE = { whenOmitted: "one of the three is required" };

/** The sources of a TOML file: exactly one must be set. */
export const configFields = {
  configFile: z
    .string()
    .min(1, "must be a path relative to dbward.config.ts")
    .optional()
    .meta({ description: "Path of the TOML file, relative to dbward.config.ts.", ...ONE_OF_THREE }),
  configToml: z
    .string()
    .min(1, "must be the text of a TOML file")
    .optional()
    .meta({ description: "The file's text.", ...ONE_OF_THREE }),
  configParameter: field.ssmParameter.optional().meta({
    description:
      "SSM parameter (SecureString) with the file's text; begins with `/`. You maintain it; it is read when a task starts.",
    ...ONE_OF_THREE,
  }),
};

/** Settings of the server's and of an agent's task, with the defaults of that program. */
export const taskFields = (defaults: { cpu: number; memoryMiB: number; configName: string }) => ({
  ...configFields,
  cpu: z
    .int()
    .default(defaults.cpu)
    .meta({ description: "CPU units, 1024 for each vCPU; one of Fargate's sizes." }),
  memoryMiB: z
    .int()
    .default(defaults.memoryMiB)
    .meta({ description: "Memory in MiB that Fargate offers with this CPU." }),
  rustLog: field.rustLog.default(RUST_LOG).meta({ description: "Value of `RUST_LOG`." }),
  logRetentionDays: field.logRetentionDays.default(14).meta({
    description: "Days for which log lines are kept; one of the retention periods of CloudWatch Logs.",
  }),
  secrets: field.secretVariables.default({}).meta({
    description: `Variables that ${defaults.configName} refers to as \`"\${NAME}"\`, each with its secret: ${field.SECRET_FORMS}.`,
  }),
});

/** A task whose configuration was read: with its source instead of the three settings. */
export type WithConfig<Task> = Omit<Task, keyof typeof configFields> & { readonly config: ConfigSource };

/** Checks a task's fields against each other. Runs on any value, so that all mistakes are reported together. */
export function checkTask(value: unknown, context: z.RefinementCtx): void {
  if (!isObject(value)) return;
  const task = asFields(value);
  const sources = Object.keys(configFields).filter((key) => task[key] !== undefined);
  if (sources.length === 0)
    context.addIssue({
      code: "custom",
      path: ["configFile"],
      message: "is missing: name a file, or set configToml or configParameter",
    });
  if (sources.length > 1)
    context.addIssue({
      code: "custom",
      path: [sources[1]!],
      message: `can't be set together with ${sources[0]}: one source only`,
    });
  if (typeof task.cpu !== "number" || typeof task.memoryMiB !== "number") return;
  const size = fargateProblem(task.cpu, task.memoryMiB);
  if (size) context.addIssue({ code: "custom", path: [size.field], message: size.message });
}
