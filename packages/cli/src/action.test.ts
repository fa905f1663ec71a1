import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { type ActionOptions, act, type Plan } from "./action.ts";
import { UsageError } from "./errors.ts";

const PLAN: Plan = { title: "Restart 2 services", steps: ["Restart one", "Restart two"] };
const OPTIONS: ActionOptions = { yes: false, dryRun: false, json: false };

/** Runs an action; on a terminal when there are keys to press. */
async function run(options: Partial<ActionOptions>, plan: Partial<Plan> = {}, keys?: string) {
  const [out, err]: [string[], string[]] = [[], []];
  let performed = 0;
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} });
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 });
  let shown = "";
  output.on("data", (data) => {
    if (shown === "" && keys) setImmediate(() => input.write(keys));
    shown += data;
  });
  const io = {
    directory: ".",
    print: (line: string) => out.push(line),
    complain: (line: string) => err.push(line),
    write: async () => {},
    signal: new AbortController().signal,
    ...(keys === undefined ? {} : { terminal: { input, output } }),
  };
  const code = await act(io, { ...OPTIONS, ...options }, { ...PLAN, ...plan }, async (progress) => {
    performed++;
    progress.step("Restarting one");
    progress.note("an event \u001b[2J");
    progress.done("One runs");
    return { restarted: 2 };
  });
  return { code, performed, out, err, shown };
}

describe("act", () => {
  it("shows the plan, acts, and shows progress as plain lines without a terminal", async () => {
    expect(await run({ yes: true })).toMatchObject({
      code: 0,
      performed: 1,
      out: [
        "Restart 2 services:",
        "  1. Restart one",
        "  2. Restart two",
        "Restarting one",
        "  an event \\x1b[2J",
        "One runs",
      ],
      err: [],
    });
  });

  it("shows the plan only with --dry-run", async () => {
    const { code, performed, out } = await run({ dryRun: true });
    expect([code, performed, out.length]).toEqual([0, 0, 3]);
  });

  it("keeps standard output for the JSON result", async () => {
    const { out, err } = await run({ yes: true, json: true });
    expect(out.map((line) => JSON.parse(line))).toEqual([{ status: "done", ...PLAN, restarted: 2 }]);
    expect(err).toContain("Restarting one");
    const planned = await run({ dryRun: true, json: true });
    expect(planned.out.map((line) => JSON.parse(line))).toEqual([{ status: "planned", ...PLAN }]);
  });

  it("does nothing when there is nothing to do", async () => {
    const { code, performed, out } = await run({}, { steps: [] });
    expect([code, performed, out]).toEqual([0, 0, ["Restart 2 services: nothing to do."]]);
  });

  it("refuses to act unasked where nobody can answer", async () => {
    await expect(run({})).rejects.toThrow(UsageError);
    await expect(run({ yes: true }, { confirmation: "prod" })).rejects.toThrow(/Add --confirm prod/);
  });

  it.each([
    ["y", 0, 1],
    ["n", 1, 0],
    // Enter alone takes the safe answer; Ctrl-C declines.
    ["\r", 1, 0],
    ["\u0003", 1, 0],
  ])("asks on a terminal, and takes %j for an answer", async (keys, code, performed) => {
    const result = await run({}, {}, keys);
    expect([result.code, result.performed]).toEqual([code, performed]);
    expect(result.shown).toContain("Continue?");
  });

  it.each([
    ["prod\r", 1],
    ["prot\r", 0],
    ["y\r", 0],
    ["\u0003", 0],
  ])("requires a word for what can't be undone, --yes or not, and gets %j", async (keys, performed) => {
    expect((await run({ yes: true }, { confirmation: "prod" }, keys)).performed).toBe(performed);
  });

  it("takes the word from the command line", async () => {
    const plan = { confirmation: "prod", confirmed: "prod" };
    expect((await run({}, plan)).performed).toBe(1);
    expect((await run({}, { ...plan, confirmed: "test" })).performed).toBe(0);
  });
});
