import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { redact } from "@dbward-aws/core";

/** Opens a log file, readable by its owner only, and hands out what adds one redacted line to it. */
export async function logWriter(file: string): Promise<(line: string) => void> {
  await mkdir(dirname(file), { recursive: true });
  const stream = createWriteStream(file, { flags: "a", mode: 0o600 });
  await once(stream, "open");
  return (line) => stream.write(`${redact(line)}\n`);
}
