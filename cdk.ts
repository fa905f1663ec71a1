import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { splitOptions } from "@dbward-aws/cli";
import { stageNames } from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";
import { prepareDeployment } from "@dbward-aws/ops";
import { loadStage, readLookups, type StageSettings } from "@dbward-aws/settings";
import { confirmIdentity, createAwsClients, findStack, takeIdentity } from "@dbward-aws/stage";
import config from "./dbward.config.ts";

/**
 * The CDK's own command over app.ts, with what SST does besides.
 *
 *     pnpm cdk VERB --stage STAGE [--profile PROFILE] [--region REGION] [what the verb takes]
 *
 * The command tells its app no verb, so that the checks before a deployment can't be in app.ts.
 */
const root = import.meta.dirname;
/** The stack of `cdk bootstrap`. */
const TOOLKIT_STACK = "CDKToolkit";

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof DbwardError ? error.message : error);
  process.exitCode = 1;
}

async function run(argv: readonly string[]): Promise<number> {
  const { own, rest } = split(argv);
  const [verb] = rest;
  if (verb === undefined || verb.startsWith("-") || own.stage === undefined) {
    // Help, version, `cdk docs` and the like need neither a stage nor an account.
    return cdk(rest);
  }
  const settings = loadStage(config, own.stage, { root });
  const identity = await takeIdentity({ ...own, stageRegion: settings.region });
  const clients = createAwsClients(identity.region);
  const { account, line } = await confirmIdentity(identity, clients, settings);
  console.error(line);
  const environment = `aws://${account}/${identity.region}`;
  // A profile on the command line comes before keys in variables, of which such a profile may be made.
  const common = ["-c", `stage=${own.stage}`, ...(identity.profile ? ["--profile", identity.profile] : [])];

  if (verb === "bootstrap") return cdk([...rest, environment, ...common]);
  if (verb === "deploy") {
    await prepareDeployment(settings, clients, {
      lookups: readLookups(root, own.stage),
      print: (line) => {
        // The command prints the warnings of the settings itself.
        if (!settings.warnings.some((warning) => line === `Warning: ${warning}`)) console.error(line);
      },
    });
    const toolkit = await findStack(clients, TOOLKIT_STACK);
    if (!/^(CREATE|UPDATE|UPDATE_ROLLBACK)_COMPLETE$/.test(toolkit?.StackStatus ?? "")) {
      const code = await cdk(["bootstrap", environment, ...common]);
      if (code !== 0) return code;
    }
  }
  const code = await cdk([...rest, ...allStacks(verb, rest, settings), ...common]);
  if (verb === "destroy" && code === 0)
    console.error(
      `What holds data stays in the account. What that is, and how to delete it: pnpm ops cleanup --stage ${own.stage}`,
    );
  return code;
}

/** Takes the options of every command of this project out of the arguments. */
function split(argv: readonly string[]) {
  const { own, rest } = splitOptions(argv, ["stage", "profile", "region"]);
  // Whoever calls the command itself names the stage so.
  const stage = rest.map((arg) => /^(?:-c|--context=)?stage=(.+)$/.exec(arg)?.[1]).find((name) => name);
  return { own: { ...(stage && { stage }), ...own }, rest };
}

/**
 * Options that make a verb mean the whole stage, as SST's verbs do, unless stacks are named. The agents and
 * the monitoring are deployed at once, so that either is there when the other fails; the command asks nothing
 * when it works on several stacks.
 */
function allStacks(verb: string, args: readonly string[], { stage }: StageSettings): string[] {
  const names = args.some(
    (arg) => arg === "--all" || arg.startsWith(stageNames(stage).stack("*").slice(0, -1)),
  );
  const all = names ? [] : ["--all"];
  if (verb === "destroy") return all;
  if (verb !== "deploy") return [];
  const decides = args.some((arg) => /^--(concurrency|require-approval)\b/.test(arg));
  return [...all, ...(decides ? [] : ["--concurrency", "2", "--require-approval", "never"])];
}

/** Runs the CDK's command, and hands on signals and its exit code. */
async function cdk(args: readonly string[]): Promise<number> {
  const script = fileURLToPath(import.meta.resolve("aws-cdk/bin/cdk"));
  const child = spawn(process.execPath, [script, ...args], { cwd: root, stdio: "inherit" });
  // Ctrl-C reaches the command as well, and it ends by itself.
  const ignore = () => {};
  process.on("SIGINT", ignore);
  process.once("SIGTERM", () => child.kill("SIGTERM"));
  const [code] = (await once(child, "exit")) as [number | null];
  process.off("SIGINT", ignore);
  return code ?? 1;
}
