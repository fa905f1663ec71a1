import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../local-account/src/test-support/temporary-directory.ts";
import { runLocal } from "./run-local.ts";

/** Runs a command line in a checkout without a running stage. */
async function run(...argv: string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runLocal(argv, temporaryDirectory(), {
    directory: ".",
    print: (line) => out.push(line),
    complain: (line) => err.push(line),
    write: async (output) => void out.push(String(output)),
    signal: new AbortController().signal,
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

it("describes itself and each command", async () => {
  const { code, out } = await run("--help");
  expect(code).toBe(0);
  for (const command of ["up", "deploy", "remove", "status", "env", "logs [name]", "down", "completion"])
    expect(out).toContain(`pnpm local ${command}`);
  const logs = await run("logs", "--help");
  expect([logs.code, logs.out]).toEqual([0, expect.stringMatching(/--follow.*Go on until Ctrl-C/)]);
});

describe("a wrong command line", () => {
  it.each([
    [["stauts"], /no command "stauts".* Did you mean status\?/],
    [["logs", "--folow"], /no option --folow\. Did you mean --follow\?/],
    [["status", "dev"], /doesn't accept "dev"/],
    [["status", "--stage"], /--stage requires a value/],
    [["remove"], /requires --stage/],
    [["up", "--stage", "dev"], /no option --stage/],
    [["--port", "80"], /--port can't be "80"\. Use a number from 1024 to 65000/],
    [["up", "--port", "http"], /--port can't be "http"/],
  ])("%j is refused, with the way to correct it", async (argv, expected) => {
    expect(await run(...argv)).toMatchObject({ code: 2, out: "", err: expect.stringMatching(expected) });
  });
});

it.each([[["status"]], [["env"]], [["deploy"]], [["remove", "--stage", "dev"]]])(
  "%j needs a running stage",
  async (argv) => {
    expect(await run(...argv)).toEqual({
      code: 1,
      out: "",
      err: expect.stringMatching(/^No local stage is running in this checkout\. Start it with: pnpm local/),
    });
  },
);
