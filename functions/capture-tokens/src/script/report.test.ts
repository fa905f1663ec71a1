import { describe, expect, it } from "vitest";
import { BadReport } from "../errors.ts";
import { type CaptureRequest, readRequest } from "../request.ts";
import { newToken } from "../test-support/dbward-peer.ts";
import { readReport } from "./report.ts";

const arn = (name: string) =>
  `arn:aws:secretsmanager:eu-central-1:111122223333:secret:dbward/test/${name}-aaaaaa`;
const request: CaptureRequest = readRequest({
  Cluster: "arn:aws:ecs:eu-central-1:111122223333:cluster/x",
  Service: "server",
  Container: "server",
  TaskDefinition: "arn:aws:ecs:eu-central-1:111122223333:task-definition/server:7",
  StateDirectory: "/data",
  Port: "3000",
  LogGroup: "/ecs/x/server",
  Method: "exec",
  AdminTokenSecret: arn("admin-token"),
  AgentTokens: [
    { Agent: "app", Secret: arn("agent-token"), Source: "bootstrap" },
    { Agent: "payments", Secret: arn("payments"), Source: "minted" },
  ],
  MetricsTokenSecret: arn("metrics-token"),
  MetricsUser: "cloudwatch-poller",
  MetricsRole: "cloudwatch-metrics",
  AllowSessionLogging: "false",
});
const [admin, , payments, metrics] = request.tokens;
const missing = new Set([admin!, payments!, metrics!]);
const read = (...lines: string[]) =>
  readReport(["server - up", ...lines, "end - ok", ""].join("\n"), request, missing);
const problemOf = (line: string, token = metrics!) => {
  const outcome = read(line).outcomes.get(token);
  return outcome?.kind === "failed" ? outcome.problem.message : "no problem";
};

describe("a report", () => {
  it("has the outcome for each missing token, and whether the others are accepted", () => {
    const token = newToken();
    const { outcomes, accepted } = read(`token 0 ok ${token}`, "token 2 stored", "check 1 403");
    expect(outcomes.get(admin!)).toEqual({ kind: "read", value: token });
    expect(outcomes.get(payments!)).toEqual({ kind: "stored" });
    expect([...accepted]).toEqual([[request.tokens[1], true]]);
  });

  it.each([
    ["an index that is empty", `token  ok ${newToken()}`],
    ["an index in hex", `token 0x1 ok ${newToken()}`],
    ["an index with a sign", `token +0 ok ${newToken()}`],
    ["an index with a zero before it", `token 00 ok ${newToken()}`],
    ["an index with an exponent", `token 2e0 ok ${newToken()}`],
    ["an index with a line end of another kind", `token 0\u2028 ok ${newToken()}`],
    ["an index out of range", `token 4 ok ${newToken()}`],
    ["a negative index", `token -1 ok ${newToken()}`],
    ["a token that was not asked for", `token 1 ok ${newToken()}`],
    ["a check of a token that is not stored", "check 0 200"],
    ["a line of another kind", "server - up"],
    ["an outcome that there is not", "token 0 perhaps"],
  ])("is rejected as a whole for %s", (_name, line) => {
    expect(() => read(line)).toThrow(BadReport);
  });

  it("accepts one line for each token, and rejects a second one", () => {
    expect(() => read(`token 0 ok ${newToken()}`, `token 0 ok ${newToken()}`)).toThrow(
      /admin-token is in it twice/,
    );
    expect(() => read("token 0 missing", `token 0 ok ${newToken()}`)).toThrow(BadReport);
    expect(() => read("check 1 401", "check 1 403")).toThrow(BadReport);
    expect(() => read("check 1 000", "check 1 403")).toThrow(BadReport);
  });

  it.each([
    "",
    "end - ok",
    "server - up",
    "server - up\nend - ok\nmore",
    "end - ok\nserver - up",
    "server - sideways\nend - ok",
  ])("is rejected without its beginning or its end: %j", (text) => {
    expect(() => readReport(text, request, missing)).toThrow(BadReport);
  });

  it.each([
    ["token 0 ok dbw_0123", "admin-token is not a token, but 8 other characters"],
    [`token 0 ok ${newToken()}0`, "is not a token, but 37 other characters"],
    ["token 0 malformed 123456789012345678901234567890 -----BEGIN", '"----"'],
  ])("with %s leads to an error with the length and the beginning only", (line, message) => {
    expect(problemOf(line, admin!)).toContain(message);
  });
});

describe("a refused token", () => {
  it.each([
    ["402 cloudwatch-poller 0 policy.limit_exceeded user limit reached", "[capture-user-limit]"],
    ["400 cloudwatch-poller 0 validation.failed anything", "[capture-role-missing]"],
    ["409 cloudwatch-poller 0 request.conflict anything", "[capture-user-suspended]"],
    ["401 cloudwatch-poller 0 unauthorized authentication failed", "[capture-mint-refused]"],
    ["410 cloudwatch-poller-5 0 request.gone gone", "[capture-mint-refused]"],
    ["000 cloudwatch-poller 0 - ", "no answer, or an answer that is too long. "],
  ])("of the poller, with %s", (details, message) => {
    expect(problemOf(`token 3 refused ${details}`)).toContain(message);
  });

  it.each([
    ["400 payments 5 validation.failed in words that may change", "[capture-token-limit]"],
    ["400 payments 0 validation.failed active token limit reached", "[capture-token-limit]"],
    ["400 payments 1 validation.failed something else", "[capture-mint-refused]"],
    ["402 payments 0 - licence", "[capture-mint-refused]"],
  ])("of an agent, with %s", (details, message) => {
    expect(problemOf(`token 2 refused ${details}`, payments!)).toContain(message);
  });

  it("quotes 200 characters of the server's answer, and no token in any encoding", () => {
    const token = newToken();
    const said = [token, token.slice(4), Buffer.from(token).toString("hex"), encoded(token)].join(" and ");
    const message = problemOf(`token 3 refused 500 x 0 internal ${said} ${"long ".repeat(500)}`);
    expect(message).toContain("HTTP 500 internal dbw_[redacted] and [redacted] and [redacted]");
    expect(message).not.toContain(token.slice(4, 20));
    expect(message).toMatch(/^The server did not create the metrics-token: HTTP 500 .{1,200}\. Fix/);
  });
});

function encoded(token: string): string {
  return [...Buffer.from(token)].map((byte) => `%${byte.toString(16)}`).join("");
}
