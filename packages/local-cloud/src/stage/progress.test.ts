import { expect, it } from "vitest";
import { Progress, type ProgressEvent } from "./progress.ts";

it("reports a step's start, its notes and its end, with the last note and the duration", async () => {
  const events: ProgressEvent[] = [];
  const result = await new Progress((event) => events.push(event)).step("Build", async (note) => {
    note("half");
    note("all");
    return 42;
  });
  expect(result).toBe(42);
  expect(events.map(({ kind }) => kind)).toEqual(["started", "noted", "noted", "done"]);
  expect(events.at(-1)).toMatchObject({ step: "Build", text: "all", milliseconds: expect.any(Number) });
});

it("reports why a step failed, and passes the error on", async () => {
  const events: ProgressEvent[] = [];
  const failing = new Progress((event) => events.push(event)).step("Build", async () => {
    throw new Error("no space left");
  });
  await expect(failing).rejects.toThrow("no space left");
  expect(events.at(-1)).toMatchObject({ kind: "failed", text: "no space left" });
});
