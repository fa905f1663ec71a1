import {
  ADMIN_TOKEN_VERSION_ATTRIBUTE,
  agentTokenVersionAttribute,
  CAPTURE_WARNINGS_ATTRIBUTE,
  CAPTURE_WARNINGS_MAX_CHARACTERS,
  METRICS_TOKEN_VERSION_ATTRIBUTE,
} from "@dbward-aws/contract";

/** A request id or a secret's version. */
const UUID = "0".repeat(36);
/** Characters of the longest logical id. */
const LOGICAL_ID_LENGTH = 255;
/** Everything of a stack's ARN but its name, with the longest partition and region. */
const STACK_ARN = `arn:aws-us-gov:cloudformation:ap-northeast-1:123456789012:stack//${UUID}`;

/**
 * Bytes of the longest answer that the capture function can give to CloudFormation.
 *
 * @param stackName name of the stack that the capture is in
 */
export function largestAnswerBytes(stackName: string, agents: readonly { readonly name: string }[]): number {
  const answer = {
    Status: "SUCCESS",
    PhysicalResourceId: `dbward-tokens-${"0".repeat(16)}`,
    StackId: STACK_ARN + stackName,
    RequestId: UUID,
    LogicalResourceId: "x".repeat(LOGICAL_ID_LENGTH),
    Data: {
      [ADMIN_TOKEN_VERSION_ATTRIBUTE]: UUID,
      [METRICS_TOKEN_VERSION_ATTRIBUTE]: UUID,
      ...Object.fromEntries(agents.map(({ name }) => [agentTokenVersionAttribute(name), UUID])),
      [CAPTURE_WARNINGS_ATTRIBUTE]: "x".repeat(CAPTURE_WARNINGS_MAX_CHARACTERS),
    },
  };
  return Buffer.byteLength(JSON.stringify(answer));
}
