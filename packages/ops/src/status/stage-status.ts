/** What is wrong, what it means, and where to look. */
export interface StatusProblem {
  readonly message: string;
  /** Page of the AWS console. */
  readonly link: string;
}

/** One line of the report. */
export interface StatusLine {
  readonly name: string;
  readonly state: string;
  readonly problem?: StatusProblem;
}

/** A stage as it is now. */
export interface StageStatus {
  readonly stacks: readonly StatusLine[];
  readonly services: readonly StatusLine[];
  readonly tokens: readonly StatusLine[];
  readonly alarms: readonly StatusLine[];
  readonly metrics: readonly StatusLine[];
}

/** Everything that is wrong, in the order in which one would look into it. */
export function problemsOf(status: StageStatus): StatusProblem[] {
  return [status.stacks, status.services, status.tokens, status.metrics, status.alarms]
    .flat()
    .flatMap(({ problem }) => (problem ? [problem] : []));
}
