import { DbwardError } from "@dbward-aws/core";

/** A port that was asked for by number is taken. Choose another one. Code `port-in-use`. */
export class PortInUse extends DbwardError {
  override readonly name = "PortInUse";

  constructor(port: number) {
    super("port-in-use", `Port ${port} on 127.0.0.1 is taken by another program or local stage.`, {
      hint: "Name another one with --port, or leave --port out: free ones are found then.",
    });
  }
}

/**
 * The machine can't run the emulated account: no fitting Python, a download that failed, a process that does not
 * come up. Codes `python-missing`, `emulator-install-failed`, `emulator-start-failed`.
 */
export class EmulatorUnavailable extends DbwardError {
  override readonly name = "EmulatorUnavailable";
}

/**
 * A tool that the local stage ran (turbo, cdk, sst) failed or did not end in time. Codes `build-failed`,
 * `account-bootstrap-failed`, `local-deploy-failed`, `local-remove-failed`, `endpoint-unresolved`.
 */
export class ToolFailed extends DbwardError {
  override readonly name = "ToolFailed";
}

/** There is no local stage to ask. Start one. Code `local-stage-not-running`. */
export class StageNotRunning extends DbwardError {
  override readonly name = "StageNotRunning";

  constructor() {
    super("local-stage-not-running", "No local stage is running in this checkout.", {
      hint: "Start it with: pnpm local",
    });
  }
}

/** The local stage's own process ended before it was ready. Code `local-stage-ended`. */
export class StageEnded extends DbwardError {
  override readonly name = "StageEnded";

  constructor(logFile: string, lastLines: readonly string[]) {
    const lines = lastLines.length > 0 ? ` Its last lines:\n${lastLines.join("\n")}\n` : "";
    super("local-stage-ended", `The local stage's process ended unexpectedly.${lines}`, {
      hint: `Read ${logFile}, then start it again with: pnpm local`,
    });
  }
}
