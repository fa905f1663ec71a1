import type { IAspect } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type { IConstruct } from "constructs";

/** Gives a path to every role below the construct that it is added to. */
export class RolePath implements IAspect {
  readonly #path: string;

  /** @param path begins and ends with a slash */
  constructor(path: string) {
    this.#path = path;
  }

  visit(node: IConstruct): void {
    if (node instanceof iam.CfnRole) node.path = this.#path;
  }
}
