import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** What an operation was asked: the fields of a JSON body, or the parameters of a form. */
export type Input = Readonly<Record<string, unknown>>;

/** Answers of the operations that a test has, by the operation's name. */
export type Answers = Readonly<Record<string, (input: Input) => unknown>>;

/** An error as AWS answers it. */
export class AwsFault extends Error {
  readonly code: string;

  constructor(code: string, message = code) {
    super(message);
    this.code = code;
  }
}

/** A server on loopback that speaks the protocols of AWS: JSON, and XML for CloudFormation, EC2 and STS. */
export interface AwsPeer {
  readonly url: string;
  /** Names of the operations called, in order. */
  readonly calls: string[];
  close(): Promise<void>;
}

export async function startAwsPeer(answers: Answers): Promise<AwsPeer> {
  const calls: string[] = [];
  const server = createServer(async (request, response) => {
    const { operation, input, isJson } = await readCall(request);
    calls.push(operation);
    const answer = answers[operation];
    try {
      if (!answer) throw new AwsFault("NotImplemented", `the test has no answer for ${operation}`);
      const output = answer(input);
      response.setHeader("content-type", isJson ? "application/x-amz-json-1.1" : "text/xml");
      response.end(isJson ? JSON.stringify(output) : answerXml(operation, output));
    } catch (error) {
      const { code, message } = error as AwsFault;
      response.statusCode = 400;
      response.end(isJson ? JSON.stringify({ __type: code, message }) : faultXml(operation, code, message));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readCall(request: IncomingMessage) {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString();
  const target = request.headers["x-amz-target"];
  if (typeof target === "string")
    return { operation: target.split(".")[1]!, input: JSON.parse(body || "{}") as Input, isJson: true };
  const input: Input = Object.fromEntries(new URLSearchParams(body));
  return { operation: String(input.Action), input, isJson: false };
}

/** EC2 names the elements of its lists `item`, the others `member`; both read what they know and pass over the rest. */
function isEc2(operation: string): boolean {
  return /Vpc|Subnet|RouteTable/.test(operation);
}

function answerXml(operation: string, output: unknown): string {
  const content = xml(output, isEc2(operation) ? "item" : "member");
  return isEc2(operation)
    ? `<${operation}Response>${content}</${operation}Response>`
    : `<${operation}Response><${operation}Result>${content}</${operation}Result></${operation}Response>`;
}

function faultXml(operation: string, code: string, message: string): string {
  const error = `<Error>${xml({ Code: code, Message: message }, "member")}</Error>`;
  return isEc2(operation)
    ? `<Response><Errors>${error}</Errors></Response>`
    : `<ErrorResponse>${error}</ErrorResponse>`;
}

function xml(value: unknown, element: string): string {
  if (Array.isArray(value))
    return value.map((each) => `<${element}>${xml(each, element)}</${element}>`).join("");
  if (typeof value === "object" && value !== null)
    return Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .map(([name, each]) => `<${name}>${xml(each, element)}</${name}>`)
      .join("");
  return String(value).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
