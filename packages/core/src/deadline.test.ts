import { describe, expect, it } from "vitest";
import { Deadline } from "./deadline.ts";

describe("Deadline", () => {
  it("returns the first result of the probe", async () => {
    let asked = 0;
    const answer = await Deadline.after(100_000).until(() => (++asked === 3 ? "yes" : undefined), 0);
    expect([answer, asked]).toEqual(["yes", 3]);
  });

  it("calls the probe only once when it has already passed", async () => {
    let asked = 0;
    const answer = await Deadline.after(0).until(() => {
      asked++;
      return undefined;
    }, 60_000);
    expect([answer, asked]).toEqual([undefined, 1]);
  });

  it.each([Number.POSITIVE_INFINITY, 2 ** 31, 2 ** 40])(
    "is not over at once when it is far away: %d",
    async (far) => {
      const deadline = Deadline.after(far);
      await deadline.sleep(5);
      expect(deadline.passed).toBe(false);
    },
  );

  it("rejects NaN", () => {
    expect(() => Deadline.after(Number.NaN)).toThrow(RangeError);
  });

  it("ends early with the signal that it was created with", async () => {
    const controller = new AbortController();
    const deadline = Deadline.after(60_000, controller.signal);
    const sleeping = deadline.sleep(60_000);
    controller.abort();
    await sleeping;
    expect(deadline.passed).toBe(true);
  });
});
