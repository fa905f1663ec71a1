import { Deadline } from "@dbward-aws/core";
import { afterEach, describe, expect, it } from "vitest";
import { EcsExec } from "./ecs-exec.ts";
import { ExecService, type ExecServiceOptions } from "./test-support/exec-service.ts";
import { hasPty } from "./test-support/pty.ts";
import { type EndOfPty, servePty } from "./test-support/pty-agent.ts";

const CONTAINER = { cluster: "dbward-test", task: "0123456789abcdef", container: "server" };
const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

let service: ExecService;
afterEach(() => service?.close());

async function connect(options: ExecServiceOptions): Promise<EcsExec> {
  service = await ExecService.start(options);
  return new EcsExec({ ecs: service.ecs });
}
const soon = () => Deadline.after(100_000);

describe.skipIf(!hasPty)("with an agent that runs commands on a terminal", () => {
  it("delivers output, standard error and exit code", async () => {
    const exec = await connect({ session: servePty });
    const result = await exec.execute({
      ...CONTAINER,
      script: "echo out; echo err >&2; exit 3",
      deadline: soon(),
    });
    expect(result).toEqual({
      stdout: Buffer.from("out\n"),
      stderr: Buffer.from("err\n"),
      exitCode: 3,
      sessionId: "session-1",
      attempts: 1,
    });
  });

  it("sends standard input, and runs a command given as a list of words", async () => {
    const exec = await connect({ session: servePty });
    const { stdout } = await exec.execute({
      ...CONTAINER,
      command: ["sh", "-c", 'cat; printf %s "$1"', "sh", "it's $HOME"],
      stdin: ALL_BYTES,
      deadline: soon(),
    });
    expect(Buffer.from(stdout).equals(Buffer.concat([ALL_BYTES, Buffer.from("it's $HOME")]))).toBe(true);
  });

  it("streams output", async () => {
    const exec = await connect({ session: servePty });
    const stream = exec.stream({ ...CONTAINER, script: "echo 1; echo 2; exit 4", deadline: soon() });
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe("1\n2\n");
    expect(await stream.outcome).toMatchObject({ exitCode: 4 });
  });

  it.each(["", "input"])(
    "has ended on the agent's side, with everything acknowledged, right after the call; stdin %j",
    async (stdin) => {
      let ended!: Promise<EndOfPty>;
      const exec = await connect({
        session: (socket, line) => {
          ended = servePty(socket, line);
        },
      });
      await exec.execute({ ...CONTAINER, script: "cat", ...(stdin && { stdin }), deadline: soon() });
      const returnedAt = performance.now();
      const { unacknowledged, lastOutput } = await ended;
      // The receipt that nobody answers leaves it open for 20 s.
      expect(performance.now() - returnedAt).toBeLessThan(15_000);
      expect(unacknowledged).toBe(0);
      expect(lastOutput).toMatch(/:done\r\n$/);
    },
  );

  it("ends a command with its deadline", async () => {
    let ended!: Promise<EndOfPty>;
    const exec = await connect({
      session: (socket, line) => {
        ended = servePty(socket, line);
      },
    });
    const late = exec.execute({ ...CONTAINER, script: "sleep 600", deadline: Deadline.after(5_000) });
    await expect(late).rejects.toMatchObject({ code: "exec-timeout", fate: "interrupted" });
    await ended;
  });

  it("opens a terminal", async () => {
    const exec = await connect({ session: servePty });
    const session = await exec.open({
      ...CONTAINER,
      commandLine: "cat",
      deadline: soon(),
      withoutHandshake: true,
    });
    session.write("hello\n");
    let shown = "";
    for await (const chunk of session) {
      shown += Buffer.from(chunk).toString();
      if (shown === "hello\r\nhello\r\n") break;
    }
    session.close();
  });
});
