import { encodeSmuxFrame, SMUX_COMMAND } from "@dbward-aws/ecs-exec/protocol";
import { describe, expect, it } from "vitest";
import { MuxServer } from "./mux-server.ts";

function serve() {
  const violations: string[] = [];
  let refusals = 0;
  const server = new MuxServer({
    dial: () => Promise.reject(new Error("connection refused")),
    refused: () => {
      refusals++;
    },
    output: () => undefined,
    blocked: () => undefined,
    violated: (what) => violations.push(what),
  });
  return { server, violations, refusals: () => refusals };
}

describe("the agent's end of the streams", () => {
  it("says that it couldn't connect, and then ends the stream", async () => {
    const { server, violations, refusals } = serve();
    server.receive(encodeSmuxFrame(SMUX_COMMAND.syn, 3));
    server.receive(encodeSmuxFrame(SMUX_COMMAND.psh, 3, Buffer.from("early")));
    await new Promise((resolve) => setImmediate(resolve));
    expect(refusals()).toBe(1);
    expect(server.take(100)).toEqual(encodeSmuxFrame(SMUX_COMMAND.fin, 3));
    server.receive(encodeSmuxFrame(SMUX_COMMAND.psh, 3, Buffer.from("late")));
    expect(violations).toEqual([]);
  });

  it.each([
    ["a stream out of turn", encodeSmuxFrame(SMUX_COMMAND.syn, 7)],
    ["a stream of the server's", encodeSmuxFrame(SMUX_COMMAND.syn, 2)],
    ["data of a stream that never was", encodeSmuxFrame(SMUX_COMMAND.psh, 9, Buffer.from("x"))],
  ])("notices %s", (_what, frame) => {
    const { server, violations } = serve();
    server.receive(frame);
    expect(violations).toHaveLength(1);
  });

  it("takes nothing that isn't a frame of version 1", () => {
    const { server } = serve();
    expect(() => server.receive(Buffer.from("02000000", "hex"))).not.toThrow();
    expect(() => server.receive(Buffer.from("03000000", "hex"))).toThrow(/smux version is 2/);
  });
});
