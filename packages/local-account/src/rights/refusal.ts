import type { ServerResponse } from "node:http";
import type { Call } from "./calls/index.ts";

/** Names of the error where a service has one of its own. */
const CODES: Readonly<Record<string, string>> = { ec2: "UnauthorizedOperation", sns: "AuthorizationError" };

/** Answers a call that is not allowed as its service does: by its protocol, and in AWS's words. */
export function sendRefusal(call: Call, response: ServerResponse, message: string): void {
  const { service, operation, headers } = call;
  if (headers["x-amz-target"] !== undefined) {
    send(response, 400, "application/x-amz-json-1.1", json("AccessDeniedException", message));
    return;
  }
  const code = CODES[service] ?? "AccessDenied";
  const error = `<Code>${code}</Code><Message>${escaped(message)}</Message>`;
  if (service === "s3") send(response, 403, "application/xml", `<Error>${error}</Error>`);
  else if (service === "ec2")
    send(
      response,
      403,
      "text/xml",
      `<Response><Errors><Error><Code>${code}</Code><Message>You are not authorized to perform this operation. ${escaped(message)}</Message></Error></Errors><RequestID>${REQUEST_ID}</RequestID></Response>`,
    );
  else if (operation !== undefined)
    send(
      response,
      403,
      "text/xml",
      `<ErrorResponse><Error><Type>Sender</Type>${error}</Error><RequestId>${REQUEST_ID}</RequestId></ErrorResponse>`,
    );
  else send(response, 403, "application/json", json("AccessDeniedException", message));
}

const REQUEST_ID = "00000000-0000-0000-0000-000000000000";

function json(type: string, message: string): string {
  // SDKs differ in the member that they read.
  return JSON.stringify({ __type: type, message, Message: message });
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  const isJson = type.endsWith("json") || type.includes("json-");
  response.writeHead(status, {
    "content-type": type,
    ...(isJson ? { "x-amzn-errortype": "AccessDeniedException" } : {}),
  });
  response.end(body);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
