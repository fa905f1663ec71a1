import { randomUUID } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LOCAL_FILES } from "@dbward-aws/contract";
import { type Credentials, isAlive, type ProcessIdentity } from "@dbward-aws/local-account";
import type { AccountPorts, StagePorts } from "../stage/ports.ts";
import { privateFolder } from "../stage/private-folder.ts";

/** What one run says of itself, for as long as it lives. */
export interface Run {
  /** The process that hosts the stage. */
  readonly host: ProcessIdentity;
  /** Loopback port of its control server. */
  readonly control: number;
  /** What its control server asks of a caller. */
  readonly secret: string;
  /** Keys of its emulated account. */
  readonly credentials: Credentials;
}

/** What one run leaves to the next. */
interface RememberedPorts {
  readonly ports?: Partial<AccountPorts>;
  /** Of further stages, by their names. */
  readonly stages?: Readonly<Record<string, StagePorts>>;
}

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
    return readJson<Run>(this.#run);
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
    const holder = await readJson<ProcessIdentity>(file);
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
    return (await readJson<RememberedPorts>(this.#state)) ?? {};
  }

  async #remember(ports: RememberedPorts): Promise<void> {
    await privateFolder(this.directory);
    const all: RememberedPorts = { ...(await this.#remembered()), ...ports };
    await writeFile(this.#state, `${JSON.stringify(all, undefined, 2)}\n`, { mode: 0o600 });
  }
}

async function readJson<T>(file: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as T;
  } catch {
    return undefined; // not there, or cut off while it was written: as good as not there
  }
}
