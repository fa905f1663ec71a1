import { DbwardError } from "@dbward-aws/core";

/** The emulated account refused a call, or didn't answer it. */
export class EmulatorCallFailed extends DbwardError {
  override readonly name = "EmulatorCallFailed";

  constructor(call: string, answer: string, cause?: unknown) {
    super("emulator-call-failed", `${call} of the emulated account failed: ${answer}.`, {
      hint: "Read the emulator's log in .local/, and start the local stage again with `pnpm local down` and `pnpm local`.",
      cause,
    });
  }
}
