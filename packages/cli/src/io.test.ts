import { expect, it, vi } from "vitest";
import { endWithReader } from "./io.ts";

it("ends with the code of SIGPIPE when the reader of the output is gone, and hides no other error", () => {
  const exit = vi.fn<(code: number) => void>();
  const listener = endWithReader(exit);
  listener(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
  expect(exit).toHaveBeenCalledExactlyOnceWith(141);
  const full = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  expect(() => listener(full)).toThrow(full);
});
