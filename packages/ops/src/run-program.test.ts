import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ProgramNotStartedError, runProgramHere } from "./run-program.ts";

const HERE = fileURLToPath(new URL("run-program.ts", import.meta.url));

describe("runProgramHere", () => {
  it("returns the exit code, and passes the environment on", async () => {
    expect(await runProgramHere(["sh", "-c", "exit $CODE"], { env: { ...process.env, CODE: "7" } })).toBe(7);
  });

  it("returns 128 and the number of the signal that ended the program", async () => {
    expect(await runProgramHere(["sh", "-c", "kill -9 $$"])).toBe(137);
  });

  it("says which program could not be started", async () => {
    const failed = runProgramHere(["no-such-program"]);
    await expect(failed).rejects.toThrow(ProgramNotStartedError);
    await expect(failed).rejects.toThrow(/no-such-program failed: ENOENT\. Check that it is installed/);
  });

  it.each(["SIGINT", "SIGTERM"] as const)(
    "passes %s on, and lets the program decide",
    async (signal) => {
      const trap = `trap 'echo caught; exit 9' ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`;
      const script = `import { runProgramHere } from ${JSON.stringify(HERE)};
process.exitCode = await runProgramHere(["sh", "-c", ${JSON.stringify(trap)}]);`;
      const child = spawn(
        process.execPath,
        [
          "--conditions=@dbward-aws/source",
          "--import",
          import.meta.resolve("tsx"),
          "--input-type=module",
          "-e",
          script,
        ],
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      let out = "";
      child.stdout.on("data", (data) => {
        if (!out.includes("ready") && String(data).includes("ready")) child.kill(signal);
        out += data;
      });
      const [code] = await once(child, "close");
      expect([code, out]).toEqual([9, "ready\ncaught\n"]);
    },
    60_000,
  );
});
