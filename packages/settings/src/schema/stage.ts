import { z } from "zod";
import { agents } from "./agent.ts";
import { apply } from "./apply.ts";
import { backupSchema } from "./backup.ts";
import { capture } from "./capture.ts";
import { checkAcross } from "./check-across.ts";
import { checkUnused } from "./check-unused.ts";
import { encryption } from "./encryption.ts";
import { accountId, cluster, region } from "./fields.ts";
import { type HoursInput, hoursSchema } from "./hours.ts";
import { iam, tags } from "./identity.ts";
import { monitoring } from "./monitoring.ts";
import { type NetworkInput, networkSchema } from "./network.ts";
import { PRESET_NAMES } from "./presets.ts";
import { server } from "./server.ts";
import { state } from "./state.ts";
import { storageSchema } from "./storage.ts";
import { tokens } from "./tokens.ts";
import { always, asFields } from "./unknown-values.ts";

/**
 * The schema for this stage: the allowed settings, and the defaults of those that are left out.
 *
 * @param stage with the values of its preset
 * @param written as dbward.config.ts has it
 */
export function stageSchema(stage: unknown, written: unknown = stage) {
  return z
    .strictObject({
      preset: z
        .enum(PRESET_NAMES, { error: `must be "${PRESET_NAMES.join('", "')}"` })
        .optional()
        .meta({
          description:
            "Other defaults for settings that are left out, see below. `dev`: a stage for development, cheap, without NAT gateways, and stopped " +
            "at night.",
          whenOmitted: "the defaults of this page",
        }),
      account: accountId.optional().meta({
        description:
          "Account of the stage: a deployment or a command with credentials of another one is refused.",
        whenOmitted: "the account of the credentials",
      }),
      region: region.optional().meta({
        description:
          "AWS region of the stage. `--region` may not name another; `AWS_REGION` and the profile give way.",
        whenOmitted: "`--region`, `AWS_REGION`, `AWS_DEFAULT_REGION` or the profile's, in this order",
      }),
      terminationProtection: z
        .boolean()
        .optional()
        .meta({
          description:
            "CloudFormation refuses to delete the stacks, and ELB the load balancer. `pnpm ops remove` takes the protection off after you have " +
            "typed the stage's name.",
          whenOmitted: "`true`, and `false` for the local stage",
        }),
      architecture: z.enum(["arm64", "x86_64"]).default("arm64").meta({
        description:
          "Processor of tasks and functions. `arm64` is a fifth cheaper; `x86_64` is for images of your own that are not made for it.",
      }),
      hours: hoursSchema(asFields(stage).hours),
      cluster: cluster.optional().meta({
        description:
          "Name or ARN of an existing ECS cluster, in the account and region of the stage, in place of one that the deployment creates. " +
          "Services get `dbward-STAGE-` before their names there. A deployed stage can't move to another cluster.",
        whenOmitted: "a cluster of the stage, `dbward-STAGE`",
      }),
      network: networkSchema(asFields(stage).network),
      state: state.optional(),
      storage: storageSchema(asFields(stage).storage).prefault({}),
      backup: backupSchema(asFields(stage).backup).prefault({}),
      server,
      agents,
      capture: capture.prefault({}),
      apply: apply.prefault({}),
      encryption: encryption.prefault({}),
      tokens: tokens.prefault({}),
      monitoring: monitoring.prefault({}),
      iam: iam.prefault({}),
      tags,
    })
    .superRefine(checkAcross, { when: always })
    .superRefine((_value, context) => checkUnused(written, context), { when: always });
}

type StageSchema = ReturnType<typeof stageSchema>;

/** One stage, as dbward.config.ts has it. docs/settings.md describes every setting. */
export type StageInput = Omit<z.input<StageSchema>, "network" | "hours"> & {
  network?: NetworkInput;
  hours?: HoursInput;
};
/** A stage in which every field is valid and filled in. */
export type ParsedStage = z.output<StageSchema>;
