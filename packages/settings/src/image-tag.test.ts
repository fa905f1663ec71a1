import { describe, expect, it } from "vitest";
import { imageAddress, imageTagParts, splitImageAddress } from "./image-tag.ts";

const DIGEST = `sha256:${"0a".repeat(32)}`;

describe("an image's tag", () => {
  it.each([
    ["0.2.0", { tag: "0.2.0" }],
    [DIGEST, { digest: DIGEST }],
    [`0.2.0@${DIGEST}`, { tag: "0.2.0", digest: DIGEST }],
  ])("%s has its parts", (text, parts) => {
    expect(imageTagParts(text)).toEqual(parts);
  });

  it.each([
    ["ghcr.io/a/b", "0.2.0", "ghcr.io/a/b:0.2.0"],
    ["ghcr.io/a/b", DIGEST, `ghcr.io/a/b@${DIGEST}`],
    ["127.0.0.1:5000/b", `0.2.0@${DIGEST}`, `127.0.0.1:5000/b:0.2.0@${DIGEST}`],
  ])("of %s, %s, is part of its address", (repository, tag, address) => {
    expect(imageAddress(repository, tag)).toBe(address);
    expect(splitImageAddress(address)).toEqual({ repository, tag });
  });

  it("is latest in an address without one", () => {
    expect(splitImageAddress("localhost:5000/a")).toEqual({ repository: "localhost:5000/a", tag: "latest" });
  });
});
