import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OutputTruncated } from "../framing/errors.ts";
import { FrameReader } from "../framing/frame-reader.ts";
import { split, transcript } from "../test-support/frames.ts";
import { type Fate, simulate } from "../test-support/simulation.ts";

const NONCE = "0123456789abcdef";

/** Frames are lost, doubled, late (and so overtaken), or damaged. */
const fate: fc.Arbitrary<Fate> = fc.record({
  copies: fc.constantFrom(0, 0, 1, 1, 1, 2, 3),
  delay: fc.integer({ min: 0, max: 700 }),
  damage: fc.option(fc.nat(2000), { nil: undefined, freq: 8 }),
});
/** As {@link fate}, and headers are damaged as well, which the protocol itself can't notice. */
const worseFate: fc.Arbitrary<Fate> = fc
  .tuple(fate, fc.option(fc.nat(2000), { nil: undefined, freq: 20 }))
  .map(([one, damageAnywhere]) => ({ ...one, damageAnywhere }));
const fates = fc.array(fate, { maxLength: 120 });
const worseFates = fc.array(worseFate, { maxLength: 40 });
const bytes = fc.uint8Array({ maxLength: 6000, size: "max" });
const sizes = fc.array(fc.integer({ min: 1, max: 1024 }), { minLength: 1, maxLength: 8 });
const times = fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 3 });
const network = fc.record({ fates, outages: times, pauses: times });

describe("a data channel over a faulty network", () => {
  it("delivers all output and all input, whatever frames are lost, doubled or delayed", () => {
    fc.assert(
      fc.property(network, fc.boolean(), bytes, sizes, bytes, (faults, handshake, stdout, pieces, stdin) => {
        const output = split(Buffer.concat([Buffer.from("first"), stdout]), pieces);
        const result = simulate({ network: faults, handshake, output, input: stdin });
        expect(result.end).toBe("closed");
        expect(result.output.equals(Buffer.concat(output))).toBe(true);
        expect(result.input.equals(stdin)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("yields a framed command's exact output, or an error, whenever the session ends", () => {
    let whole = 0;
    fc.assert(
      fc.property(fates, worseFates, fc.nat(8000), bytes, sizes, (early, late, closeAt, stdout, pieces) => {
        const parts: Buffer[] = [];
        const errors: unknown[] = [];
        const reader = new FrameReader(NONCE, {
          ready: () => undefined,
          sync: () => undefined,
          output: (part) => parts.push(part),
        });
        const read = (part: Buffer) => {
          try {
            if (errors.length === 0) reader.push(part);
          } catch (error) {
            errors.push(error);
          }
        };
        const faults = { fates: [...early, ...late], closeAt };
        simulate({ network: faults, output: split(transcript(NONCE, stdout, 7), pieces), onOutput: read });
        for (const error of errors) expect(error).toBeInstanceOf(OutputTruncated);
        if (!reader.completion) return;
        whole++;
        expect(reader.completion.exitCode).toBe(7);
        expect(Buffer.concat(parts).equals(stdout)).toBe(true);
      }),
      { numRuns: 300 },
    );
    expect(whole).toBeGreaterThan(50);
  });
});
