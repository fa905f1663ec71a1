import { EcsRefusal } from "./ecs-refusal.ts";
import type { EcsObject } from "./overlay.ts";

/** What the emulator has answered. */
export interface EmulatorAnswer {
  readonly ok: boolean;
  readonly status: number;
  readonly content: EcsObject;
}

/**
 * What ECS does with `RunTask` and the emulator doesn't: a client token starts its tasks once, however often
 * it is sent, and overrides have a limit.
 */
export class RunTaskRules {
  readonly #answers = new Map<string, Promise<EmulatorAnswer>>();

  /**
   * @param start hands the request on to the emulator
   * @throws EcsRefusal
   */
  async apply(request: EcsObject, start: () => Promise<EmulatorAnswer>): Promise<EmulatorAnswer> {
    if (JSON.stringify(request.overrides ?? {}).length > LONGEST_OVERRIDES)
      throw new EcsRefusal(
        "InvalidParameterException",
        `Container Overrides length must be at most ${LONGEST_OVERRIDES}`,
      );
    if (typeof request.clientToken !== "string") return start();
    const key = `${String(request.cluster)} ${request.clientToken}`;
    const answer = this.#answers.get(key) ?? start();
    this.#answers.set(key, answer);
    const { ok, status, content } = await answer;
    if (!ok) this.#answers.delete(key);
    return { ok, status, content: structuredClone(content) };
  }
}

/** Characters of all overrides together, as JSON. */
const LONGEST_OVERRIDES = 8192;
