import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { startListener } from "@dbward-aws/core";
import { expect, it, onTestFinished } from "vitest";
import { isOwnProcess } from "./own-process.ts";

/** Any user but root. */
const NOBODY = 65534;

async function asked(uid?: number): Promise<string> {
  const listener = await startListener({
    answer: async (request, response) => void response.end(String(await isOwnProcess(request.socket))),
  });
  onTestFinished(() => listener.close());
  const script = `fetch(${JSON.stringify(listener.url)}).then((it) => it.text()).then(console.log)`;
  const options = uid === undefined ? {} : { uid, gid: uid, cwd: "/" };
  const { stdout } = await promisify(execFile)(process.execPath, ["--eval", script], options);
  return stdout.trim();
}

it("knows a process of the same user", async () => {
  expect(await asked()).toBe("true");
});

it.skipIf(process.platform !== "linux" || process.getuid?.() !== 0)("knows one of another user", async () => {
  expect(await asked(NOBODY)).toBe("false");
});
