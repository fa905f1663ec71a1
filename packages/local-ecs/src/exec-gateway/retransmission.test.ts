import { describe, expect, it } from "vitest";
import { Retransmission } from "./retransmission.ts";

const frame = (text: string) => Buffer.from(text);

describe("Retransmission", () => {
  it("sends only the oldest frame again, once its time is over", () => {
    const sent = new Retransmission();
    sent.sent(0, frame("0"), 0);
    sent.sent(1, frame("1"), 0);
    expect(sent.due(200)).toBeUndefined();
    expect(sent.due(201)?.toString()).toBe("0");
    expect(sent.due(300)).toBeUndefined();
    expect(sent.due(402)?.toString()).toBe("0");
  });

  it("goes on to the next when the oldest is acknowledged", () => {
    const sent = new Retransmission();
    sent.sent(0, frame("0"), 0);
    sent.sent(1, frame("1"), 0);
    sent.acknowledged(0, 10);
    sent.acknowledged(7, 10);
    expect(sent.due(2000)?.toString()).toBe("1");
    sent.acknowledged(1, 2001);
    expect(sent.empty).toBe(true);
  });

  it("follows the round trips with its time-out, up to one second", () => {
    const sent = new Retransmission();
    for (let number = 0; number < 100; number++) {
      sent.sent(number, frame("x"), number);
      sent.acknowledged(number, number);
    }
    expect(sent.timeout).toBeLessThan(11);
    for (let number = 0; number < 100; number++) {
      sent.sent(number, frame("x"), 0);
      sent.acknowledged(number, 60_000);
    }
    expect(sent.timeout).toBe(1000);
  });
});
