import { describe, expect, it } from "vitest";
import { DbwardError, describeError } from "./errors.ts";

describe("DbwardError", () => {
  it("says what happened, what to do and where to read on", () => {
    const error = new DbwardError("server-unreachable", "Asking the server failed.", { hint: "Start it." });
    expect(error.message).toBe("Asking the server failed. Start it. [server-unreachable]");
  });
});

describe("describeError", () => {
  it("joins the causes, outermost first, without saying anything twice", () => {
    const inner = new Error("refused");
    const error = new Error("connect failed", {
      cause: new Error("connect failed: refused", { cause: inner }),
    });
    expect(describeError(error)).toBe("connect failed: connect failed: refused");
  });

  it("takes what is no error", () => {
    expect(describeError("gone")).toBe("gone");
  });

  it("names what an AggregateError without words of its own is made of", () => {
    const error = new AggregateError([new Error("connect ECONNREFUSED ::1:1"), new Error("and 127.0.0.1:1")]);
    expect(describeError(error)).toBe("connect ECONNREFUSED ::1:1, and 127.0.0.1:1");
  });

  it("ends on causes that form a ring", () => {
    const error = new Error("a");
    error.cause = error;
    expect(describeError(error)).toBe("a");
  });
});
