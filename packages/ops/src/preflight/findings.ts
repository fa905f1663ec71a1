/** Mistakes and warnings, as the checks find them. */
export class PreflightFindings {
  readonly mistakes: string[] = [];
  readonly warnings: string[] = [];

  refuse(message: string): void {
    this.mistakes.push(message);
  }

  warn(message: string): void {
    this.warnings.push(message);
  }
}
