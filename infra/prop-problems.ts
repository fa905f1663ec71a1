import { DbwardError } from "@dbward-aws/core";
import { Token } from "aws-cdk-lib";
import type { IConstruct } from "constructs";

/**
 * Props of a construct that can't be deployed. The message names the construct, and each prop with what is
 * wrong.
 */
export class InvalidPropsError extends DbwardError {
  override readonly name = "InvalidPropsError";

  /** @param problems what is wrong, each beginning with the prop */
  constructor(construct: IConstruct, problems: readonly string[]) {
    const kind = construct.constructor.name;
    super(
      "invalid-props",
      `${kind} at ${construct.node.path} can't be deployed with these props:${problems.map((each) => `\n  ${each}`).join("")}\n`,
      { hint: `Change them where the ${kind} is created.` },
    );
  }
}

/** Collects what is wrong with the props of a construct, so that all of it is reported at once. */
export class PropProblems {
  readonly #construct: IConstruct;
  readonly #problems: string[] = [];

  constructor(construct: IConstruct) {
    this.#construct = construct;
  }

  /**
   * Reports a problem unless `isValid`.
   *
   * @param prop its name, with the path inside of it: `databases[1].port`
   * @param message what is expected, such as `must be at most 120 seconds`
   */
  expect(isValid: boolean, prop: string, message: string): void {
    if (!isValid) this.#problems.push(`${prop} ${message}`);
  }

  /** As {@link expect}, for a value that may be a token of the CDK, about which nothing can be said yet. */
  expectText(value: string | undefined, pattern: RegExp, prop: string, message: string): void {
    if (value === undefined || Token.isUnresolved(value)) return;
    this.expect(pattern.test(value), prop, `${message}, not "${value}"`);
  }

  /** @throws InvalidPropsError when a problem was reported */
  throwIfAny(): void {
    if (this.#problems.length > 0) throw new InvalidPropsError(this.#construct, this.#problems);
  }
}
