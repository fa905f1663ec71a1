import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasPty, spawnOnPty } from "../test-support/pty.ts";
import { frameCommand, MAX_STDERR, RECEIPT, SYNC } from "./command-line.ts";
import { encodeInput, MAX_STDIN } from "./encode-input.ts";
import { InputTooLarge, InputTruncated, ToolsMissing } from "./errors.ts";
import { type Completion, FrameReader } from "./frame-reader.ts";

const NONCE = "0123456789abcdef";

interface Run extends Completion {
  readonly stdout: Buffer;
}

/** Runs a script as a session would: framed, on a terminal, read by the frame reader. */
async function run(
  script: string,
  stdin?: Uint8Array,
  path = PATH,
  shell = "/bin/sh",
  alter: (input: Buffer) => void = () => undefined,
): Promise<Run> {
  const framed = frameCommand({ script, nonce: NONCE, hasStdin: stdin !== undefined });
  const command = framed.replaceAll("/bin/sh", shell);
  // The terminal's helper finds python3 on the PATH; the command has only the given one.
  const pty = spawnOnPty(`/usr/bin/env PATH=${path} ${command}`);
  const stdout: Buffer[] = [];
  const reader = new FrameReader(NONCE, {
    ready: (encoder) => {
      const input = encodeInput(stdin!, encoder);
      alter(input);
      pty.stdin!.write(input);
    },
    sync: () => pty.stdin!.write(SYNC),
    output: (bytes) => stdout.push(Buffer.from(bytes)),
  });
  try {
    for await (const chunk of pty.stdout!) {
      reader.push(chunk as Buffer);
      if (reader.completion) break;
    }
  } finally {
    pty.kill();
  }
  if (!reader.completion) throw new Error(`the command never ended: ${reader.preamble}`);
  return { ...reader.completion, stdout: Buffer.concat(stdout) };
}

const PATH = process.env.PATH ?? "";
const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

/** Folders with nothing but the named tools: images that have little. */
const TOOLS = {
  "base64 and cksum": ["base64", "cksum", "tee", "tail", "cat", "sleep", "stty", "dd"],
  "od and sha256sum": ["od", "sha256sum", "tail", "cat", "dd", "sleep"],
  "od alone": ["od", "tail", "sleep"],
  nothing: ["cat"],
} as const;
const paths = {} as Record<keyof typeof TOOLS, string>;
const folder = mkdtempSync(join(tmpdir(), "ecs-exec-"));

describe.skipIf(!hasPty)("a framed command on a terminal", () => {
  beforeAll(() => {
    for (const [name, tools] of Object.entries(TOOLS)) {
      const path = mkdtempSync(join(folder, "bin-"));
      for (const tool of tools) {
        const found = spawnSync("/bin/sh", ["-c", `command -v ${tool}`], { encoding: "utf8" }).stdout.trim();
        symlinkSync(found, join(path, tool));
      }
      chmodSync(path, 0o755);
      paths[name as keyof typeof TOOLS] = path;
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  describe.each(["base64 and cksum", "od and sha256sum"] as const)("with %s", (tools) => {
    const here = (script: string, stdin?: Uint8Array) => run(script, stdin, paths[tools]);

    it("delivers what a script writes, with its exit code", async () => {
      const { stdout, stderr, exitCode } = await here("echo out; echo err >&2; exit 3");
      expect([stdout.toString(), stderr.toString(), exitCode]).toEqual(["out\n", "err\n", 3]);
    });

    it("delivers empty output", async () => {
      expect(await here("")).toEqual({ stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), exitCode: 0 });
    });

    it("carries every byte in both directions", async () => {
      const { stdout } = await here("cat", ALL_BYTES);
      expect(stdout.equals(ALL_BYTES)).toBe(true);
    });

    it("carries any bytes in both directions", async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), async (bytes) => {
          const { stdout } = await here("cat", bytes);
          expect(stdout.equals(bytes)).toBe(true);
        }),
        { numRuns: 4 },
      );
    });

    it("carries an input that the script doesn't read", async () => {
      const { stdout } = await here("echo no", Buffer.alloc(100_000));
      expect(stdout.toString()).toBe("no\n");
    });

    it("carries an empty input", async () => {
      expect((await here("cat; echo end", Buffer.alloc(0))).stdout.toString()).toBe("end\n");
    });

    it("carries characters that are special to shells and terminals", async () => {
      const text = `'"\\$(id)\`#!~*? \t\u0003\u0004é€😀`;
      const quoted = `'${text.replaceAll("'", "'\\''")}'`;
      expect((await here(`printf %s ${quoted}\n`)).stdout.toString()).toBe(text);
    });

    it("keeps the end of a long standard error", async () => {
      const { stderr } = await here("dd if=/dev/zero bs=1000 count=100 >&2 2>/dev/null; printf end >&2");
      expect(stderr).toHaveLength(MAX_STDERR);
      expect(stderr.subarray(-4).toString()).toBe("\0end");
    });

    it("reports the exit code of a command that a signal ended", async () => {
      expect((await here("kill -TERM $$")).exitCode).toBe(143);
    });

    it("carries a megabyte", async () => {
      const { stdout } = await here("dd if=/dev/zero bs=1024 count=1024 2>/dev/null");
      expect(stdout).toHaveLength(1024 * 1024);
    });
  });

  // What /bin/sh is: dash in Debian, BusyBox in Alpine, bash in Fedora.
  it.for(["dash", "bash", "busybox"])("works in %s, if that is here", async (shell, { skip }) => {
    const file = spawnSync("/bin/sh", ["-c", `command -v ${shell}`], { encoding: "utf8" }).stdout.trim();
    skip(file === "", "it isn't");
    const path = mkdtempSync(join(folder, "bin-"));
    symlinkSync(file, join(path, "sh"));
    const here = shell === "busybox" ? path : PATH;
    const applets = here === path ? spawnSync(file, ["--list"], { encoding: "utf8" }).stdout.split("\n") : [];
    for (const tool of ["base64", "cat", "cksum", "od", "sha256sum", "stty", "tail", "tee"])
      if (applets.includes(tool)) symlinkSync(file, join(path, tool));
    const { stdout, stderr, exitCode } = await run(
      "cat; echo err >&2; exit 3",
      ALL_BYTES,
      here,
      join(path, "sh"),
    );
    expect(stdout.equals(ALL_BYTES)).toBe(true);
    expect([stderr.toString(), exitCode]).toEqual(["err\n", 3]);
  });

  it.each(["base64 and cksum", "od alone"] as const)(
    "ends by itself at the receipt, which only a terminal without stty echoes: %s",
    async (tools) => {
      const command = frameCommand({ script: "echo out", nonce: NONCE, hasStdin: false });
      const pty = spawnOnPty(`/usr/bin/env PATH=${paths[tools]} ${command}`);
      const ended = once(pty, "exit");
      let shown = "";
      for await (const chunk of pty.stdout!) {
        shown += String(chunk);
        if (shown.endsWith(":done\r\n")) pty.stdin!.write(RECEIPT);
      }
      await ended;
      expect(shown.split(":done\r\n")[1]).toBe(tools === "od alone" ? "\r\n" : "");
    },
  );

  it("hides its own descriptors from the script", async () => {
    const { stdout } = await run(
      'for fd in 5 7 8 9; do { true >&"$fd"; } 2>/dev/null && echo "$fd"; done; true',
    );
    expect(stdout.toString()).toBe("");
  });

  it("carries the largest input", async () => {
    const { stdout } = await run("cksum", Buffer.alloc(MAX_STDIN, "x"));
    expect(stdout.toString()).toMatch(/ 1048576\n$/);
  }, 60_000);

  it("reports that the container lacks the tools", async () => {
    await expect(run("echo out", undefined, paths.nothing)).rejects.toBeInstanceOf(ToolsMissing);
  });

  it("runs nothing when the container can't check standard input", async () => {
    await expect(run("echo out", Buffer.from("in"), paths["od alone"])).rejects.toBeInstanceOf(ToolsMissing);
    expect((await run("echo out", undefined, paths["od alone"])).stdout.toString()).toBe("out\n");
  });

  it.each(["base64 and cksum", "od and sha256sum"] as const)(
    "never runs a script with a standard input that was altered on the way: with %s",
    async (tools) => {
      let refused = 0;
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 3000 }), fc.nat(), async (stdin, place) => {
          const alter = (input: Buffer) => {
            const at = place % input.lastIndexOf(".");
            input[at] = input[at] === 0x41 ? 0x42 : 0x41;
          };
          // Some letters of base64 stand for the same bytes.
          const outcome = await run("cat", stdin, paths[tools], "/bin/sh", alter).catch(
            (error: unknown) => error,
          );
          if (outcome instanceof InputTruncated) refused++;
          else expect((outcome as Run).stdout.equals(stdin)).toBe(true);
        }),
        { numRuns: 15 },
      );
      expect(refused).toBeGreaterThan(10);
    },
    120_000,
  );

  it("detects what others write to the terminal within the output", async () => {
    await expect(run("echo out; echo QUJD >/dev/tty")).rejects.toMatchObject({ code: "output-truncated" });
  });
});

describe("frameCommand", () => {
  it("is one line of printable characters, whatever the script contains", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const script = text.replaceAll("\0", "");
        const line = frameCommand({ script, nonce: NONCE, hasStdin: true });
        expect(line).toMatch(/^\/bin\/sh -c '[ -&(-~]*'$/);
      }),
    );
  });

  it("refuses a script that is too long", () => {
    const command = { script: "x".repeat(65_536), nonce: NONCE, hasStdin: false };
    expect(() => frameCommand(command)).toThrow(InputTooLarge);
  });
});
