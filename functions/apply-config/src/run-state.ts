import { GetParameterCommand, PutParameterCommand, type SSMClient } from "@aws-sdk/client-ssm";
import {
  APPLY_TIME_LIMIT_SECONDS,
  type ApplyState,
  formatApplyState,
  parseApplyState,
} from "@dbward-aws/contract";
import type { Deadline } from "@dbward-aws/core";
import { during } from "./errors.ts";

/** The state as one run has read it. */
export interface ReadState {
  readonly state: ApplyState;
  readonly text: string;
  readonly version: number;
  readonly writtenAt: Date;
}

/**
 * Whether another run has claimed a change, and is about to have ECS replace the tasks. A claim is older than the
 * function's time limit when its run has ended without a deployment.
 */
export function isClaimed({ state, writtenAt }: ReadState, now: Date): boolean {
  if (now.getTime() - writtenAt.getTime() > APPLY_TIME_LIMIT_SECONDS * 1000) return false;
  return Object.values(state).some((entry) => "applied" in entry && entry.applied.deployment === undefined);
}

/**
 * The state in an SSM parameter. Two runs may be under way at once, because an event can come during a
 * scheduled run: each write gives the parameter the next version number, so that of two runs that have read
 * the same version only one gets the number after it.
 */
export class RunState {
  readonly #ssm: SSMClient;
  readonly #name: string;

  /** @param name of the parameter, which exists */
  constructor(ssm: SSMClient, name: string) {
    this.#ssm = ssm;
    this.#name = name;
  }

  /** @throws ApplyCallError */
  async read({ signal }: Deadline): Promise<ReadState> {
    const { Parameter } = await during(
      `Reading SSM parameter ${this.#name}`,
      this.#ssm.send(new GetParameterCommand({ Name: this.#name }), { abortSignal: signal }),
    );
    const text = Parameter?.Value ?? "";
    const { Version = 0, LastModifiedDate = new Date(0) } = Parameter ?? {};
    return { state: parseApplyState(text), text, version: Version, writtenAt: LastModifiedDate };
  }

  /**
   * Writes the state before a run acts by it. A state that is the same is not written.
   *
   * @returns whether no other run has written since `before` was read: otherwise this one must not act
   * @throws ApplyCallError
   */
  async claim(before: ReadState, state: ApplyState, deadline: Deadline): Promise<boolean> {
    if (formatApplyState(state) === before.text) return true;
    return (await this.write(state, deadline)) === before.version + 1;
  }

  /** @returns the new version @throws ApplyCallError */
  async write(state: ApplyState, { signal }: Deadline): Promise<number> {
    const { Version = 0 } = await during(
      `Writing SSM parameter ${this.#name}`,
      this.#ssm.send(
        new PutParameterCommand({
          Name: this.#name,
          Type: "String",
          Value: formatApplyState(state),
          Overwrite: true,
        }),
        { abortSignal: signal },
      ),
    );
    return Version;
  }
}
