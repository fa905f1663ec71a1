import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DbwardError, Deadline } from "@dbward-aws/core";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { EcsExec } from "./ecs-exec.ts";
import { Timeout } from "./errors.ts";
import type { ExecResult } from "./exec-request.ts";
import { HEADER_LENGTH } from "./protocol/constants.ts";
import type { WebSocketConstructor } from "./session/index.ts";
import { ExecService } from "./test-support/exec-service.ts";
import { channelClosed } from "./test-support/frames.ts";
import { hasPty } from "./test-support/pty.ts";
import { type Link, servePtyOver } from "./test-support/pty-agent.ts";

/** What happens to a command, its session and the frames between. */
interface Scenario {
  readonly stdin: Uint8Array | undefined;
  /** Sequence of fates, for the frames of both directions in turn; when it is over, frames arrive. */
  readonly fates: readonly ("arrives" | "lost" | "altered" | "late")[];
  /** Counts to the byte that is altered, from the payload's first. */
  readonly place: number;
  /** After so many frames the session comes to an early end. */
  readonly end: { readonly after: number; readonly how: "cut" | "closed" } | undefined;
  readonly milliseconds: number;
}

const fate = fc.constantFrom("arrives", "arrives", "arrives", "lost", "altered", "late");
const scenario: fc.Arbitrary<Scenario> = fc.record({
  stdin: fc.option(fc.uint8Array({ maxLength: 3000 }), { nil: undefined }),
  fates: fc.oneof(
    { weight: 5, arbitrary: fc.array(fate, { maxLength: 12 }) },
    { weight: 1, arbitrary: fc.constant(Array.from({ length: 1000 }, () => "lost" as const)) },
  ),
  place: fc.nat(2000),
  end: fc.option(fc.record({ after: fc.nat(12), how: fc.constantFrom("cut", "closed") }), {
    nil: undefined,
    freq: 2,
  }),
  milliseconds: fc.constantFrom(200, 2_000, 2_000, 2_000),
});

/** Errors which say that the command was not run. */
const NOT_RUN: readonly string[] = [
  "command-not-started",
  "session-encryption-failed",
  "exec-tools-missing",
  "input-truncated",
];
/** Errors which say that it is not known. */
const UNKNOWN: readonly string[] = ["channel-lost", "output-truncated", "handshake-failed"];

const folder = mkdtempSync(join(tmpdir(), "ecs-exec-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe.skipIf(!hasPty)("a real shell over a faulty link", () => {
  it("never reports a command as run that wasn't, or as not run that was", async () => {
    const seed = Date.now();
    const scenarios = fc.sample(scenario, { numRuns: 60, seed });
    const outcomes = new Map<string, number>();
    const work = scenarios.entries();
    const worker = async () => {
      for (const [index, one] of work) {
        const outcome = await play(one, join(folder, String(index))).catch((error: unknown) => {
          throw new Error(`scenario ${index} of seed ${seed}: ${JSON.stringify(one)}`, { cause: error });
        });
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: 6 }, worker));
    expect(outcomes.get("done")).toBeGreaterThan(3);
    expect(outcomes.size).toBeGreaterThan(2);
  }, 300_000);
});

/** @returns what the client said: `done`, or the code of its error */
async function play(one: Scenario, file: string): Promise<string> {
  const sessions: Promise<unknown>[] = [];
  const service = await ExecService.start({
    session: (socket, line) => {
      socket.once("message", () => sessions.push(servePtyOver(faultyLink(one, socket), socket, line)));
    },
  });
  const exec = new EcsExec({ ecs: service.ecs, webSocket: WebSocket as unknown as WebSocketConstructor });
  let result: ExecResult | undefined;
  let error: unknown;
  try {
    result = await exec.execute({
      cluster: "dbward-test",
      task: "0123456789abcdef",
      container: "server",
      script: `echo ran >>${file}; tee ${file}.in; echo oops >&2; exit 3`,
      ...(one.stdin && { stdin: one.stdin }),
      deadline: Deadline.after(one.milliseconds),
    });
  } catch (thrown) {
    error = thrown;
  }
  const isNotRun =
    error instanceof DbwardError &&
    (NOT_RUN.includes(error.code) || (error instanceof Timeout && error.fate === "not-run"));
  // What is said not to run must not run later either.
  if (isNotRun) await new Promise((resolve) => setTimeout(resolve, 300));
  await service.close();
  await Promise.all(sessions);
  const runs = existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0;
  if (runs > 0) {
    expect(runs).toBe(1);
    const input = Buffer.from(one.stdin ?? []);
    // An interrupt may come before all of it was read.
    const got = existsSync(`${file}.in`) ? readFileSync(`${file}.in`) : Buffer.alloc(0);
    expect(got.equals(input.subarray(0, got.length))).toBe(true);
  }
  if (result) {
    expect(runs).toBe(1);
    expect(result.exitCode).toBe(3);
    expect(Buffer.from(result.stdout).equals(Buffer.from(one.stdin ?? []))).toBe(true);
    expect(Buffer.from(result.stderr).toString()).toBe("oops\n");
    return "done";
  }
  expect(error).toBeInstanceOf(DbwardError);
  const { code } = error as DbwardError;
  if (isNotRun) expect(runs).toBe(0);
  else if (!(error instanceof Timeout)) expect(UNKNOWN).toContain(code);
  return code;
}

function faultyLink({ fates, place, end }: Scenario, socket: WebSocket): Link {
  const queue = fates.values();
  let frames = 0;
  const carry = (frame: Buffer, deliver: (frame: Buffer) => void, mayAlter: boolean) => {
    if (end && ++frames > end.after) {
      if (end.how === "closed") socket.send(channelClosed(""), () => socket.terminate());
      else socket.terminate();
      return;
    }
    const what = queue.next().value ?? "arrives";
    if (what === "lost") return;
    if (what === "late") setTimeout(deliver, 120, frame);
    else if (what === "altered" && mayAlter) deliver(alter(frame, place));
    else deliver(frame);
  };
  return {
    toClient: (frame, deliver) => carry(frame, deliver, true),
    toAgent: (frame, deliver) => carry(frame, deliver, true),
  };
}

/**
 * Changes one bit of the payload. What it becomes is a visible character most often, and a control character
 * at times.
 */
function alter(frame: Buffer, place: number): Buffer {
  const altered = Buffer.from(frame);
  const start = HEADER_LENGTH + 4;
  if (altered.length > start) altered[start + (place % (altered.length - start))]! ^= 1 << (place % 7);
  return altered;
}
