import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { table } from "@dbward-aws/cli";
import { DbwardError } from "@dbward-aws/core";
import { type CommandContext, command } from "../command.ts";
import { assumptions, estimateCost, type Template } from "../cost/estimate.ts";
import { PRICES } from "../cost/prices.ts";

const TEMPLATE = ".template.json";

/** The templates of a stage can't be made or read. */
export class TemplatesMissingError extends DbwardError {
  override readonly name = "TemplatesMissingError";

  constructor(what: string, hint: string, cause?: unknown) {
    super("templates-missing", what, { hint, cause });
  }
}

/** `pnpm ops cost`. */
export const cost = command({
  command: "cost",
  summary: "Estimate what the stage costs a month when nobody uses it",
  examples: [
    ["cost --stage prod", "From the synthesised templates; needs no account"],
    ["cost --stage prod --json", "{ total, parts: [{ part, usd }], … }"],
  ],
  offline: true,
  options: (yargs) =>
    yargs
      .option("json", { type: "boolean", default: false, describe: "Print JSON" })
      .option("templates", {
        type: "string",
        requiresArg: true,
        describe: "Folder with the templates (default: they are synthesised)",
      })
      .option("build", { type: "boolean", default: true, describe: "Build the functions first" }),
  async run(context, { json, templates, build }) {
    const { print, root, settings } = context;
    const { hours } = settings;
    const read =
      templates === undefined
        ? await synthesise(context, build)
        : await readTemplates(context, resolve(root, templates));
    const estimate = estimateCost(read, hours);
    const withoutHours = hours && estimateCost(read).total;
    if (json) {
      const { date, region, currency } = PRICES;
      const prices = { currency, prices: { date, region }, assumptions: assumptions(hours) };
      print(JSON.stringify({ ...estimate, ...(hours && { withoutHours }), ...prices }));
      return 0;
    }
    const { items, parts, total } = estimate;
    print(`Stage ${settings.stage}, USD a month:`);
    const rows = parts.flatMap(({ part, usd }) => [
      [part, "", usd.toFixed(2)],
      ...items.filter((item) => item.part === part).map((item) => ["", item.item, item.usd.toFixed(2)]),
    ]);
    const totals = [
      ["total", "", total.toFixed(2)],
      ...(withoutHours === undefined ? [] : [["without its hours", "", withoutHours.toFixed(2)]]),
    ];
    for (const line of table([...rows, ...totals])) print(line);
    print("");
    for (const line of assumptions(hours)) print(line);
    return 0;
  },
});

/** Runs `app.ts` beside the settings, as `pnpm synth` does. */
async function synthesise(context: CommandContext, build: boolean): Promise<ReadonlyMap<string, Template>> {
  const { root, settings } = context;
  const app = join(root, "app.ts");
  if (!existsSync(app))
    throw new TemplatesMissingError(
      `${app}, which makes the templates, doesn't exist.`,
      "Synthesise the stage's app, and name the folder with --templates.",
    );
  const out = await mkdtemp(join(tmpdir(), "dbward-cost-"));
  const run = (program: string, ...args: string[]) =>
    promisify(execFile)(join(root, "node_modules/.bin", program), args, {
      cwd: root,
      maxBuffer: 64 * 1024 * 1024,
    });
  try {
    if (build && existsSync(join(root, "turbo.json")))
      await run("turbo", "build", "--filter=./functions/*", "--output-logs=errors-only");
    const stage = ["--stage", settings.stage, "--out", out];
    await run("tsx", "--conditions=@dbward-aws/source", "app.ts", ...stage);
    return await readTemplates(context, out);
  } catch (error) {
    if (error instanceof DbwardError) throw error;
    const { stderr, message } = error as Error & { stderr?: string };
    throw new TemplatesMissingError(
      `Synthesising stage ${settings.stage} failed: ${(stderr || message).trim()}`,
      `Run \`pnpm synth --stage ${settings.stage}\` to see more.`,
      error,
    );
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

async function readTemplates(
  { names }: CommandContext,
  folder: string,
): Promise<ReadonlyMap<string, Template>> {
  const files = await readdir(folder).catch(() => []);
  const prefix = names.stack("State").slice(0, -"State".length);
  const found = files.filter((file) => file.startsWith(prefix) && file.endsWith(TEMPLATE));
  if (found.length === 0)
    throw new TemplatesMissingError(
      `${folder} has no templates of the stage.`,
      `Their names are like ${names.stack("State")}${TEMPLATE}.`,
    );
  const templates = found.sort().map(async (file): Promise<[string, Template]> => {
    const text = await readFile(join(folder, file), "utf8");
    return [file.slice(0, -TEMPLATE.length), JSON.parse(text) as Template];
  });
  return new Map(await Promise.all(templates));
}
