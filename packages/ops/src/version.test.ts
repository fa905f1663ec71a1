import { describe, expect, it } from "vitest";
import { compareVersions, parseVersion } from "./version.ts";

describe("compareVersions", () => {
  it.each([
    ["0.2.0", "0.10.0"],
    ["0.2", "0.2.1"],
    ["v1.0.0-rc.2", "1.0.0-rc.10"],
    ["1.0.0-rc.1", "1.0.0"],
  ])("knows that %s is older than %s", (older, newer) => {
    const [a, b] = [parseVersion(older)!, parseVersion(newer)!];
    expect([
      Math.sign(compareVersions(a, b)),
      Math.sign(compareVersions(b, a)),
      compareVersions(a, a),
    ]).toEqual([-1, 1, 0]);
  });

  it.each(["latest", "sha256:0123", "", "1"])("takes %j for no version", (text) => {
    expect(parseVersion(text)).toBeUndefined();
  });
});
