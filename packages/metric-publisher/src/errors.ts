import { DbwardError } from "@dbward-aws/core";

/** The measurements did not reach CloudWatch: some, or all. */
export class PublishError extends DbwardError {
  override readonly name = "PublishError";

  /** @param failed number of the `all` measurements that were not published */
  constructor(failed: number, all: number, cause: unknown) {
    super("metrics-not-published", `Publishing ${failed} of ${all} measurements to CloudWatch failed.`, {
      cause,
      hint:
        "Check that the function's subnets have a route to CloudWatch and that its role may put metrics, or " +
        "set the publisher to emf.",
    });
  }
}
