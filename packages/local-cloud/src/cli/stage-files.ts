import { randomUUID } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LOCAL_FILES } from "@dbward-aws/contract";
import { isAlive, jsonText, type ProcessIdentity } from "@dbward-aws/local-account";
import { z } from "zod";
import type { AccountPorts, StagePorts } from "../stage/ports.ts";
import { privateFolder } from "../stage/private-folder.ts";

const processIdentity = z.object({ pid: z.number(), started: z.string() });

const run = z
  .object({
    /** The process that hosts the stage. */
    host: processIdentity,
    /** Loopback port of its control server. */
    control: z.number(),
    /** What its control server asks of a caller. */
    secret: z.string(),
    /** Keys of its emulated account. */
    credentials: z.object({ accessKeyId: z.string(), secretAccessKey: z.string() }),
  })
  .readonly();

/** What one run says of itself, for as long as it lives. */
export type Run = z.output<typeof run>;

const stagePorts = z.object({ server: z.number(), dashboard: z.number() });

/** What one run leaves to the next. */
const rememberedPorts = z.object({
  ports: stagePorts.extend({ emulator: z.number() }).partial().optional(),
  /** Of further stages, by their names. */
  stages: z.record(z.string(), stagePorts).optional(),
});
type RememberedPorts = z.output<typeof rememberedPorts>;

/** The files by which the commands find a running stage, and the next one its ports. */
export class StageFiles {
  readonly directory: string;

  /** @param root folder of the checkout */
  constructor(root: string) {
    this.directory = join(root, LOCAL_FILES.directory);
  }

  get #run(): string {
    return join(this.directory, LOCAL_FILES.run);
  }

  get #state(): string {
    return join(this.directory, LOCAL_FILES.state);
  }

  log(name: string): string {
    return join(this.directory, "logs", `${name}.log`);
  }

  /** The run that is under way, or one that was cut off. */
  run(): Promise<Run | undefined> {
    return readJson(this.#run, run);
  }

  /** @returns false when there is one already: of two that start at the same time one wins */
  async claim(run: Run): Promise<boolean> {
    return this.#create(this.#run, run);
  }

  /**
   * Reserves the stage for one deployment; a reservation of a process that has ended counts no more.
   *
   * @returns what ends the reservation, or `undefined` when another process has one
   */
  async claimDeployment(process: ProcessIdentity): Promise<(() => Promise<void>) | undefined> {
    const file = join(this.directory, "deployment.json");
    const holder = await readJson(file, processIdentity);
    if (holder && !isAlive(holder)) await rm(file, { force: true });
    if (!(await this.#create(file, process))) return undefined;
    return () => rm(file, { force: true });
  }

  /** Writes a file that isn't there yet, whole. @returns false when it is there */
  async #create(file: string, content: unknown): Promise<boolean> {
    await privateFolder(this.directory);
    const whole = `${file}.${randomUUID()}`;
    await writeFile(whole, JSON.stringify(content), { mode: 0o600 });
    try {
      await link(whole, file);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    } finally {
      await rm(whole, { force: true });
    }
  }

  /** Forgets the run. */
  async release(): Promise<void> {
    await rm(this.#run, { force: true });
  }

  /** The ports of the last run: of the account and its first stage. */
  async ports(): Promise<Partial<AccountPorts>> {
    return (await this.#remembered()).ports ?? {};
  }

  rememberPorts(ports: AccountPorts): Promise<void> {
    return this.#remember({ ports });
  }

  /** The ports that a further stage of the account last had. */
  async stagePorts(stage: string): Promise<Partial<StagePorts>> {
    return (await this.#remembered()).stages?.[stage] ?? {};
  }

  async rememberStagePorts(stage: string, ports: StagePorts): Promise<void> {
    const { stages = {} } = await this.#remembered();
    await this.#remember({ stages: { ...stages, [stage]: ports } });
  }

  async #remembered(): Promise<RememberedPorts> {
    return (await readJson(this.#state, rememberedPorts)) ?? {};
  }

  async #remember(ports: RememberedPorts): Promise<void> {
    await privateFolder(this.directory);
    const all: RememberedPorts = { ...(await this.#remembered()), ...ports };
    await writeFile(this.#state, `${JSON.stringify(all, undefined, 2)}\n`, { mode: 0o600 });
  }
}

/** @returns `undefined` when there is no such file, or an incomplete one */
async function readJson<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
): Promise<z.output<Schema> | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  return jsonText(schema).safeParse(text).data as z.output<Schema> | undefined;
}
