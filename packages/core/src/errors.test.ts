import { describe, expect, it } from "vitest";
import { DbwardError, describeError } from "./errors.ts";

describe("DbwardError", () => {
  it("has the message, the hint and the code", () => {
    const error = new DbwardError("server-unreachable", "Asking the server failed.", { hint: "Start it." });
    expect(error.message).toBe("Asking the server failed. Start it. [server-unreachable]");
  });
});

describe("describeError", () => {
  it("joins the messages of the causes, outermost first, each only once", () => {
    const inner = new Error("refused");
    const error = new Error("connect failed", {
      cause: new Error("connect failed: refused", { cause: inner }),
    });
    expect(describeError(error)).toBe("connect failed: connect failed: refused");
  });

  it("accepts a value that is not an error", () => {
    expect(describeError("gone")).toBe("gone");
  });

  it("has the messages of the errors of an AggregateError without a message", () => {
    const error = new AggregateError([new Error("connect ECONNREFUSED ::1:1"), new Error("and 127.0.0.1:1")]);
    expect(describeError(error)).toBe("connect ECONNREFUSED ::1:1, and 127.0.0.1:1");
  });

  it("ends for circular causes", () => {
    const error = new Error("a");
    error.cause = error;
    expect(describeError(error)).toBe("a");
  });
});
