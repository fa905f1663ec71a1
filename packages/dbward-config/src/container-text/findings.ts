/** A mistake in a text or a setting: where it is and what to write instead. */
export interface Finding {
  /** Such as `server.toml:12`. */
  readonly where: string;
  readonly message: string;
  /** Stable name of the rule, in kebab-case. @default - the rule has none: it is about a setting */
  readonly rule?: string;
}

/** Mistakes and warnings, collected by checks. */
export class Findings {
  readonly problems: Finding[] = [];
  readonly warnings: string[] = [];

  /** A mistake: what was checked can't be used. @param rule as {@link Finding.rule} */
  refuse(where: string, message: string, rule?: string): void {
    this.problems.push({ where, message, ...(rule !== undefined && { rule }) });
  }

  /** Allowed, but risky. */
  warn(where: string, message: string): void {
    this.warnings.push(`${where}: ${message}`);
  }
}
