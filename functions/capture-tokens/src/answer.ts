import { CAPTURE_EVENTS } from "@dbward-aws/contract";
import { type Deadline, describeError, redact } from "@dbward-aws/core";
import type { CloudFormationCustomResourceEvent } from "aws-lambda";
import { capture } from "./capture.ts";
import { type Answer, respond } from "./respond.ts";
import type { Tools } from "./tools.ts";

/**
 * Handles the event and reports the outcome to CloudFormation. CloudFormation gets an answer whatever
 * happens.
 *
 * @param answerBy deadline of the answer, later than that of the capture
 * @throws Error when the answer can't be delivered. Lambda then runs the event again, which is safe
 */
export async function answer(
  event: CloudFormationCustomResourceEvent,
  tools: Tools,
  answerBy: Deadline,
): Promise<void> {
  await respond(event, await outcome(event, tools), answerBy);
}

async function outcome(event: CloudFormationCustomResourceEvent, tools: Tools): Promise<Answer> {
  // There is nothing to undo: the secrets belong to another stack, and the files to the server.
  if (event.RequestType === "Delete") return { Status: "SUCCESS", Data: {} };
  try {
    const attributes = await capture(event, tools);
    tools.logger.info("capture.done", { attributes });
    return { Status: "SUCCESS", Data: attributes };
  } catch (error) {
    tools.logger.error(CAPTURE_EVENTS.failed, { error });
    return { Status: "FAILED", Reason: redact(describeError(error)) };
  }
}
