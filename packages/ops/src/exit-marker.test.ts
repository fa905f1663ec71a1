import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { quote } from "shell-quote";
import { describe, expect, it } from "vitest";
import { ExitMarker } from "./exit-marker.ts";

const WORD = "0123456789abcdef";

/** What is shown of output that arrives in these pieces, and the exit code. */
function read(output: Buffer, cuts: readonly number[]) {
  const marker = new ExitMarker(WORD);
  const shown: Buffer[] = [];
  let from = 0;
  for (const cut of [...cuts.map((cut) => cut % (output.length + 1)).sort((a, b) => a - b), output.length]) {
    shown.push(Buffer.from(marker.take(output.subarray(from, cut))));
    from = cut;
  }
  shown.push(marker.end());
  return { shown: Buffer.concat(shown), exitCode: marker.exitCode };
}

const cuts = fc.array(fc.nat(10_000), { maxLength: 8 });

describe("ExitMarker", () => {
  it("finds the exit code in what a shell prints, however the output is split", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), fc.uint8Array(), cuts, (code, before, at) => {
        const marker = new ExitMarker(WORD);
        const { stdout } = spawnSync("/bin/sh", [
          "-c",
          marker.script(quote(["/bin/sh", "-c", `exit ${code}`])),
        ]);
        const found = read(Buffer.concat([before, stdout]), at);
        expect([found.exitCode, [...found.shown]]).toEqual([code, [...before]]);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it("changes nothing of output that only looks like the marker", () => {
    const parts = fc.array(
      fc.constantFrom("\u001e", "\u0002", WORD, WORD.slice(0, 5), ":", "7", "\u0003", "text"),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(parts, cuts, (words, at) => {
        const text = words.join("");
        fc.pre(!text.includes(`\u001e\u0002${WORD}:`));
        expect(read(Buffer.from(text), at)).toEqual({ shown: Buffer.from(text), exitCode: undefined });
      }),
    );
  });

  it("has no exit code when the shell was killed", () => {
    expect(read(Buffer.from("text"), [])).toEqual({ shown: Buffer.from("text"), exitCode: undefined });
  });
});
