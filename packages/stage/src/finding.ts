/** What is wrong with a stage, why, and what to do about it. */
export interface Finding {
  /** Stable name of the kind, such as `image-missing`. */
  readonly code: string;
  /** What it is about: `server`, `agent app`, or the name of a stack, secret or alarm. */
  readonly subject: string;
  /** `unknown` when it could not be checked; it may be all right. */
  readonly severity: "error" | "warning" | "unknown";
  /** One sentence. */
  readonly problem: string;
  /** What shows it: ECS's reason, a log line. Without secrets, and bounded. */
  readonly evidence: readonly string[];
  /** One sentence, or a command. */
  readonly remedy: string;
  /** Page of the AWS console. @default - the console has none, or the account is not one of AWS */
  readonly link?: string;
}

/** Orders findings as one would look into them: errors first, and of these causes before consequences. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  const rank = { error: 0, warning: 1, unknown: 2 } as const;
  return [...findings].sort((a, b) => rank[a.severity] - rank[b.severity]);
}

/** The word by which a person knows a service: `server` or `agent NAME`. */
export function subjectOf({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return kind === "server" ? "server" : `agent ${name}`;
}
