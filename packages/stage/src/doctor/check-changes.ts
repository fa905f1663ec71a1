import { GetParameterCommand } from "@aws-sdk/client-ssm";
import { type ApplyEntry, parseApplyState, stageNames } from "@dbward-aws/contract";
import { ifThere } from "../aws-error.ts";
import { type Finding, subjectOf } from "../finding.ts";
import { foreignText, itemsOf } from "../view/part.ts";
import type { StageView } from "../view/read-stage.ts";
import type { DoctorOptions } from "./diagnose.ts";

/**
 * Changes of configurations and secrets that the function apply-config has not taken to the tasks. Its state
 * says which; without the function there is none.
 */
export async function checkChanges(view: StageView, { stage, clients }: DoctorOptions): Promise<Finding[]> {
  const name = stageNames(stage).applyStateParameter;
  const found = await ifThere(
    `Reading SSM parameter ${name}`,
    clients.ssm.send(new GetParameterCommand({ Name: name })),
    "ParameterNotFound",
  );
  const state = parseApplyState(found?.Parameter?.Value ?? "");
  return itemsOf(view.services).flatMap((service) => {
    const entry = state[service.service];
    return entry ? findingOf(stage, subjectOf(service), entry) : [];
  });
}

function findingOf(stage: string, subject: string, entry: ApplyEntry): Finding[] {
  if ("refused" in entry) {
    const { parameter, version, mistakes } = entry.refused;
    const what =
      version === 0
        ? `SSM parameter ${parameter} was deleted`
        : `Version ${version} of SSM parameter ${parameter} was refused`;
    return [
      {
        code: "config-refused",
        subject,
        severity: "error",
        problem: `${what}: the running tasks have the text from before, and new ones would not start.`,
        evidence: mistakes.map(foreignText),
        remedy: `Correct it with: pnpm ops config push ${subject} --stage ${stage}`,
      },
    ];
  }
  if (!entry.applied.failed) return [];
  return [
    {
      code: "change-failed",
      subject,
      severity: "error",
      problem: `New tasks did not start with the values of ${entry.applied.changedAt}.`,
      evidence: [],
      remedy: `Store a value that works; it is taken over by itself. Or run: pnpm ops restart ${subject} --stage ${stage}`,
    },
  ];
}
