import { once } from "node:events";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { encodeSmuxFrame, SMUX_COMMAND, SmuxReader } from "../protocol/index.ts";
import { compareVersions } from "./compare-versions.ts";
import { Multiplexer } from "./multiplexer.ts";

/** A multiplexer whose messages are in the hands of the test. */
class Bench {
  readonly messages: Buffer[] = [];
  room = Number.POSITIVE_INFINITY;
  isReading = true;
  readonly streams: Multiplexer;

  constructor(messageSize = 1024) {
    this.streams = new Multiplexer({
      messageSize,
      halfCloseTimeout: 1000,
      destination: "localhost:80 of the task",
      hasRoom: () => this.messages.length < this.room,
      transmit: (payload) => this.messages.push(Buffer.from(payload)),
      read: (isReading) => {
        this.isReading = isReading;
      },
    });
  }

  receive(command: (typeof SMUX_COMMAND)[keyof typeof SMUX_COMMAND], id: number, payload?: Uint8Array): void {
    this.streams.receive(encodeSmuxFrame(command, id, payload));
  }

  /** What each stream sent, and in which order frames came. */
  get sent(): { readonly data: Map<number, Buffer>; readonly order: string[] } {
    const data = new Map<number, Buffer>();
    const order: string[] = [];
    const reader = new SmuxReader({
      opened: (id) => order.push(`open ${id}`),
      data: (id, bytes) => {
        data.set(id, Buffer.concat([data.get(id) ?? Buffer.alloc(0), bytes]));
        order.push(`data ${id}`);
      },
      finished: (id) => order.push(`end ${id}`),
    });
    for (const message of this.messages) reader.push(message);
    return { data, order };
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("streams over one channel", () => {
  it("have odd ids from 3 on, and open with their first data in one message", async () => {
    const bench = new Bench();
    bench.streams.open().write("a");
    bench.streams.open();
    await turn();
    expect(bench.messages).toHaveLength(1);
    expect(bench.sent.order).toEqual(["open 3", "data 3", "open 5"]);
  });

  it("send every byte in order, in messages of the size that is set, with whole frames", async () => {
    const writes = fc.array(fc.tuple(fc.nat(3), fc.uint8Array({ maxLength: 4000, size: "max" })), {
      maxLength: 25,
    });
    await fc.assert(
      fc.asyncProperty(writes, fc.integer({ min: 17, max: 50_000 }), async (pieces, size) => {
        const bench = new Bench(size);
        bench.room = 1;
        const streams = [0, 1, 2, 3].map(() => bench.streams.open());
        const expected = new Map(streams.map((stream) => [stream.id, Buffer.alloc(0)]));
        for (const [index, bytes] of pieces) {
          const stream = streams[index]!;
          stream.write(bytes);
          expected.set(stream.id, Buffer.concat([expected.get(stream.id)!, bytes]));
        }
        while (streams.some((stream) => stream.writableLength > 0 || stream.hasOutput)) {
          bench.room++;
          bench.streams.flush();
          await Promise.resolve();
        }
        for (const message of bench.messages) {
          expect(message.length).toBeLessThanOrEqual(size);
          // Each message alone can be read: no frame goes over its end.
          const reader = new SmuxReader({
            opened: () => undefined,
            data: () => undefined,
            finished: () => undefined,
          });
          reader.push(message);
          expect(() => reader.push(encodeSmuxFrame(SMUX_COMMAND.nop, 0))).not.toThrow();
        }
        const { data } = bench.sent;
        for (const [id, bytes] of expected)
          expect((data.get(id) ?? Buffer.alloc(0)).equals(bytes)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it("take turns", async () => {
    const bench = new Bench(108);
    bench.room = 0;
    const [one, other] = [bench.streams.open(), bench.streams.open()];
    one.write(Buffer.alloc(1000));
    other.write(Buffer.alloc(300));
    bench.room = 8;
    bench.streams.flush();
    const order = bench.sent.order.filter((what) => what.startsWith("data"));
    expect(order.slice(0, 6)).toEqual(["data 3", "data 5", "data 3", "data 5", "data 3", "data 5"]);
  });

  it("make their writers wait while there is no room", async () => {
    const bench = new Bench();
    bench.room = 0;
    const stream = bench.streams.open();
    let isWritten = false;
    stream.write(Buffer.alloc(100_000), () => {
      isWritten = true;
    });
    await turn();
    expect(isWritten).toBe(false);
    bench.room = Number.POSITIVE_INFINITY;
    bench.streams.flush();
    expect(isWritten).toBe(true);
  });

  it("pause when a reader is behind, and go on when it has caught up", async () => {
    const bench = new Bench();
    const stream = bench.streams.open();
    await turn();
    let count = 0;
    for (; bench.isReading && count < 100_000; count++)
      bench.receive(SMUX_COMMAND.psh, 3, Buffer.alloc(1000));
    expect(count).toBeGreaterThan(1000);
    expect(count).toBeLessThan(3000);
    expect(bench.streams.stuckStreams()).toEqual([stream]);
    let read = 0;
    stream.on("data", (bytes: Buffer) => {
      read += bytes.length;
    });
    await turn();
    expect([read, bench.isReading]).toEqual([count * 1000, true]);
  });

  it("drop what arrives after their end, and frames of unknown streams", async () => {
    const bench = new Bench();
    const stream = bench.streams.open();
    stream.write("x");
    await turn();
    stream.destroy();
    await turn();
    bench.receive(SMUX_COMMAND.psh, 3, Buffer.from("late"));
    bench.receive(SMUX_COMMAND.fin, 3);
    bench.receive(SMUX_COMMAND.psh, 99, Buffer.from("whose?"));
    expect(bench.sent.order).toEqual(["open 3", "data 3", "end 3"]);
    expect(bench.streams.size).toBe(0);
  });

  it("that are destroyed before they were opened send nothing", async () => {
    const bench = new Bench();
    bench.streams.open().destroy();
    await turn();
    expect(bench.messages).toEqual([]);
  });

  it("deliver all data before the other side's end, and answer it by their own", async () => {
    const bench = new Bench();
    const stream = bench.streams.open();
    await turn();
    bench.receive(SMUX_COMMAND.psh, 3, Buffer.from("last "));
    bench.receive(SMUX_COMMAND.psh, 3, Buffer.from("words"));
    bench.receive(SMUX_COMMAND.fin, 3);
    const pieces: Buffer[] = [];
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    await once(stream, "close");
    await turn();
    expect(Buffer.concat(pieces).toString()).toBe("last words");
    expect(bench.sent.order).toEqual(["open 3", "end 3"]);
  });

  it("delay their end until the other side's, or until it has been silent for too long", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const bench = new Bench();
      const stream = bench.streams.open();
      stream.resume().end("question");
      await turn();
      expect(bench.sent.order).toEqual(["open 3", "data 3"]);
      vi.advanceTimersByTime(900);
      bench.receive(SMUX_COMMAND.psh, 3, Buffer.from("part"));
      vi.advanceTimersByTime(900);
      expect(stream.destroyed).toBe(false);
      const failure = once(stream, "close");
      vi.advanceTimersByTime(200);
      await expect(failure).rejects.toMatchObject({ reason: "silent" });
      await turn();
      expect(bench.sent.order.at(-1)).toBe("end 3");
    } finally {
      vi.useRealTimers();
    }
  });

  it("fail when they were refused: the one that ends next without data", async () => {
    const bench = new Bench();
    const [one, other] = [bench.streams.open(), bench.streams.open()];
    await turn();
    bench.receive(SMUX_COMMAND.psh, one.id, Buffer.from("fine"));
    bench.streams.refused();
    expect([one.destroyed, other.destroyed]).toEqual([false, false]);
    bench.receive(SMUX_COMMAND.fin, one.id);
    expect(one.destroyed).toBe(false);
    const failure = once(other, "close");
    bench.receive(SMUX_COMMAND.fin, other.id);
    await expect(failure).rejects.toMatchObject({ reason: "refused" });
  });

  it("deliver what has arrived before they end with the session's error", async () => {
    const bench = new Bench();
    const stream = bench.streams.open();
    await turn();
    bench.receive(SMUX_COMMAND.psh, 3, Buffer.alloc(300_000 % 65_536, "x"));
    bench.streams.end(new Error("the task is gone"));
    let length = 0;
    const read = async () => {
      for await (const piece of stream) length += (piece as Buffer).length;
    };
    await expect(read()).rejects.toThrow("the task is gone");
    expect(length).toBe(300_000 % 65_536);
  });
});

describe("versions", () => {
  it.each([
    ["3.1.1511.0", "3.1.1511.0", 0],
    ["3.3.0.0", "3.1.1511.0", 1],
    ["3.0.1390.0", "3.1.1511.0", -1],
    ["3.1.10000.0", "3.1.1511.0", 1],
    ["", "3.0.196.0", -1],
    ["latest", "3.0.196.0", -1],
  ])("%s against %s: %d", (one, other, expected) => {
    expect(Math.sign(compareVersions(one, other))).toBe(expected);
  });
});
