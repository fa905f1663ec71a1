import { SERVER } from "@dbward-aws/contract";
import { commandWords } from "../command-words.ts";
import { openPort } from "../open-port.ts";
import { runProgramHere } from "../run-program.ts";
import { urlOption } from "../server-access.ts";
import { taskCommand } from "../stopped-stage.ts";
import { findToken, readToken } from "../token-value.ts";

/** `pnpm ops with-server`. */
export const withServer = taskCommand({
  command: "with-server",
  summary: `Run a program with ${SERVER.urlVariable} in its environment, and with --as ${SERVER.tokenVariable}`,
  examples: [
    [
      "with-server --as admin --stage prod -- dbward token list",
      "dbward's own command line as the administrator",
    ],
  ],
  options: (yargs) =>
    urlOption(yargs).option("as", {
      type: "string",
      requiresArg: true,
      describe: "Owner of the token: admin, metrics or an agent (default: no token)",
    }),
  async run(context, { as: owner, url, "--": words }) {
    const [program, ...args] = commandWords(words);
    // In the environment, not in the arguments, which every user of this machine can read.
    const token = owner === undefined ? undefined : await readToken(context, findToken(context, owner));
    const run = (serverUrl: string) =>
      runProgramHere([program, ...args], {
        env: {
          ...process.env,
          [SERVER.urlVariable]: serverUrl,
          ...(token === undefined ? {} : { [SERVER.tokenVariable]: token }),
        },
      });
    if (url !== undefined) return run(url);
    const { localPort, close } = await openPort(context, {}, context.signal, context.io.complain);
    try {
      return await run(`http://127.0.0.1:${localPort}`);
    } finally {
      await close();
    }
  },
});
