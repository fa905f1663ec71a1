import type { Problem } from "./problems.ts";

/** Mistakes and warnings of a stage, collected by the checks. */
export class Findings {
  readonly problems: Problem[] = [];
  readonly warnings: string[] = [];

  /** A mistake: the stage can't be used. */
  refuse(where: string, message: string): void {
    this.problems.push({ where, message });
  }

  /** Allowed, but risky. */
  warn(where: string, message: string): void {
    this.warnings.push(`${where}: ${message}`);
  }
}
