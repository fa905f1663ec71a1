import type { Problem } from "./problems.ts";

/** What the checks of a stage have found so far. */
export class Findings {
  readonly problems: Problem[] = [];
  readonly warnings: string[] = [];

  /** A mistake: the stage can't be used. */
  refuse(where: string, message: string): void {
    this.problems.push({ where, message });
  }

  /** Allowed, and yet unwise. */
  warn(where: string, message: string): void {
    this.warnings.push(`${where}: ${message}`);
  }
}
