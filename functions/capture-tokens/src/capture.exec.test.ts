import { EcsExec } from "@dbward-aws/ecs-exec";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { ExecService } from "../../../packages/ecs-exec/src/test-support/exec-service.ts";
import { hasPty } from "../../../packages/ecs-exec/src/test-support/pty.ts";
import { servePty } from "../../../packages/ecs-exec/src/test-support/pty-agent.ts";
import { capture } from "./capture.ts";
import { SECRET, Stage } from "./test-support/stage.ts";

/** The whole way: ExecuteCommand, data channel, a terminal, the shell in it, the server's API. */
describe.skipIf(!hasPty)("a capture through the data channel", () => {
  let stage: Stage;
  let service: ExecService;
  const commandLines: string[] = [];
  /** Sessions whose socket is lost at once. */
  let lost = 0;

  beforeEach(async () => {
    stage = await Stage.start();
    commandLines.length = 0;
    lost = 0;
    service = await ExecService.start({
      session: (socket, commandLine, connection) => {
        commandLines.push(commandLine);
        if (connection <= lost) socket.terminate();
        else servePty(socket, stage.container.inside(commandLine));
      },
    });
  });
  afterEach(async () => {
    await service.close();
    stage.close();
  });

  const tools = () =>
    stage.tools({
      exec: new EcsExec({
        ecs: service.ecs,
        webSocket: WebSocket as unknown as NonNullable<ConstructorParameters<typeof EcsExec>[0]["webSocket"]>,
      }),
    });

  it("needs one session, and a check of stored tokens puts no token on a command line", async () => {
    const first = await capture(stage.event("Create"), tools());
    expect(commandLines).toHaveLength(1);
    expect(await capture(stage.event("Update"), tools())).toEqual(first);
    expect(commandLines).toHaveLength(2);
    expect(stage.server.subjectOf(stage.aws.valueOf(SECRET.metrics))).toBe("user cloudwatch-poller");
    for (const token of stage.server.allTokens())
      expect(commandLines.join("\n")).not.toContain(token.slice(4));
  });

  it("opens another session when the connection of the first one is lost", async () => {
    lost = 1;
    await capture(stage.event("Create"), tools());
    expect(Object.values(SECRET).filter((arn) => stage.aws.valueOf(arn))).toHaveLength(4);
    expect(commandLines.length).toBeGreaterThan(1);
  });
});
