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
 * The machine can't run the emulated account: no fitting Python, a download that failed, a process that does
 * not come up. Codes `python-missing`, `emulator-install-failed`, `emulator-start-failed`,
 * `account-bootstrap-failed`.
 */
export class EmulatorUnavailable extends DbwardError {
  override readonly name = "EmulatorUnavailable";
}
