import { FARGATE_MEMORY_MIB, variableReader } from "@dbward-aws/contract";
import type { PropProblems } from "../prop-problems.ts";

/** Seconds that Fargate waits at most between the signal that stops a container and the one that kills it. */
const MAX_STOP_SECONDS = 120;

/** Reports what Fargate or the container's shell would refuse. */
export function checkTaskProps(
  problems: PropProblems,
  props: {
    readonly cpu: number;
    readonly memoryLimitMiB: number;
    readonly stopTimeoutSeconds: number;
    /** Names of variables that are filled from secrets, by the prop that names them. */
    readonly variables: readonly (readonly [prop: string, name: string])[];
  },
): void {
  const { cpu, memoryLimitMiB, stopTimeoutSeconds, variables } = props;
  const memories = FARGATE_MEMORY_MIB[cpu];
  problems.expect(
    memories !== undefined,
    "cpu",
    `must be one of ${Object.keys(FARGATE_MEMORY_MIB).join(", ")}, not ${cpu}`,
  );
  problems.expect(
    memories?.includes(memoryLimitMiB) ?? true,
    "memoryLimitMiB",
    `must be one of ${memories?.join(", ")}, which Fargate offers with ${cpu} CPU units, not ${memoryLimitMiB}`,
  );
  problems.expect(
    stopTimeoutSeconds >= 2 && stopTimeoutSeconds <= MAX_STOP_SECONDS,
    "stopTimeout",
    `must be 2 to ${MAX_STOP_SECONDS} seconds, not ${stopTimeoutSeconds}`,
  );
  for (const [index, [prop, name]] of variables.entries()) {
    problems.expectText(
      name,
      /^[A-Za-z_][A-Za-z0-9_]*$/,
      prop,
      "must be the name of an environment variable",
    );
    const reader = variableReader(name);
    problems.expect(reader === undefined, prop, `must not be ${name}: ${reader}`);
    problems.expect(
      variables.findIndex(([, other]) => other === name) === index,
      prop,
      `must not be ${name}, which is in use already`,
    );
  }
}
