import { expect, it } from "vitest";
import { imageVersion } from "./image-version.ts";

it.each([
  ["ghcr.io/dbward-dev/dbward-server:0.2.1", "0.2.1"],
  ["localhost:5000/dbward-server:v1.10.0-rc.1", "1.10.0-rc.1"],
  ["dbward-server:0.2.0@sha256:00", "0.2.0"],
  ["dbward-server:latest", undefined],
  ["dbward-server", undefined],
  ["localhost:5000/dbward-server", undefined],
])("%s", (image, version) => {
  expect(imageVersion(image)).toBe(version);
});
