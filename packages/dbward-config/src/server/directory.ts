import { text } from "../schema/types.ts";

/** Linux's limits in bytes for a name, and for a path without the NUL at its end. */
const MAX_NAME = 255;
const MAX_PATH = 4095;

/** A directory that dbward creates when it starts. */
export const directory = text.where({
  rule: "directory",
  expected: `a path that Linux allows: no NUL, at most ${MAX_PATH} bytes, and ${MAX_NAME} between two slashes`,
  accepts: (value) =>
    !value.includes("\0") &&
    Buffer.byteLength(value) <= MAX_PATH &&
    value.split("/").every((name) => Buffer.byteLength(name) <= MAX_NAME),
});
