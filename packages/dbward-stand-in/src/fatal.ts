/**
 * A reason not to start, or not to go on: its message goes to standard error as it is, and the process ends.
 */
export class Fatal extends Error {
  override readonly name = "Fatal";
  readonly exitCode: number;

  /** @param exitCode what the process ends with */
  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Runs a program's main function; whatever it throws ends the process. */
export async function run(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const isFatal = error instanceof Fatal;
    process.stderr.write(isFatal ? `${error.message}\n` : `Error: ${String(error)}\n`);
    process.exit(isFatal ? error.exitCode : 1);
  }
}
