/** A reason not to start, or not to go on: its message goes to standard error as it is, and the process ends with 1. */
export class Fatal extends Error {
  override readonly name = "Fatal";
}

/** Runs a program's main function; whatever it throws ends the process. */
export async function run(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    process.stderr.write(error instanceof Fatal ? `${error.message}\n` : `Error: ${String(error)}\n`);
    process.exit(1);
  }
}
