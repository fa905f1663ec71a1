import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { InvokeCommand } from "@aws-sdk/client-lambda";
import { LOCAL_STAGE, partOfService, SERVER_PART, stageNames } from "@dbward-aws/contract";
import { createLogger, Deadline } from "@dbward-aws/core";
import {
  type AccountAccess,
  bootstrapAccount,
  type ClientConfig,
  type Credentials,
  clientConfig,
  type Emulator,
  installEmulator,
  LOCAL_REGION,
  logWriter,
  newCredentials,
  startEmulator,
  type UsedRights,
} from "@dbward-aws/local-account";
import { type AgentBehaviour, type EcsFront, type ExecFaults, startEcsFront } from "@dbward-aws/local-ecs";
import { createAwsClients } from "@dbward-aws/stage";
import { buildWorkspace } from "./build-workspace.ts";
import { CleanUp } from "./clean-up.ts";
import { type StageClients, stageClients } from "./clients.ts";
import { type DeployOptions, runDeployment } from "./deployments.ts";
import { plainPath } from "./plain-path.ts";
import {
  type AccountPorts,
  type ReservedPorts,
  reservePorts,
  reserveStagePorts,
  type StagePorts,
} from "./ports.ts";
import { privateFolder } from "./private-folder.ts";
import { Progress } from "./progress.ts";
import { makeProjectView } from "./project-view.ts";
import { requireCurl } from "./require-curl.ts";
import { type StageDatabase, stageDatabase } from "./stage-database.ts";
import { clearRun, stageLog, stageView } from "./stage-directory.ts";
import { readStatus, type StageStatus } from "./status.ts";
import { steadyServices } from "./steady-services.ts";
import { toolEnvironment } from "./tool-environment.ts";
import { type WorkspaceTools, workspaceTools } from "./tools.ts";
import { createUserSecrets, readSettings } from "./user-secrets.ts";

export interface LocalStageOptions {
  /** Folder of the checkout. */
  readonly root: string;
  /** Everything that the stage writes goes here. @default `<root>/.local` */
  readonly directory?: string;
  /** Where the emulator is installed, once for all stages of a checkout. @default `<root>/.local/cache` */
  readonly cacheDirectory?: string;
  /** The account's first stage. @default {@link LOCAL_STAGE} */
  readonly stage?: string;
  /** File to deploy instead of the checkout's sst.config.ts. */
  readonly sstConfig?: string;
  /** Reserved by the caller. @default - free ones */
  readonly ports?: AccountPorts;
  /** Reserves ports for a further stage of the account. @default - free ones */
  readonly stagePorts?: (stage: string) => Promise<ReservedPorts<StagePorts>>;
  /** Keys of the emulated account, from {@link newCredentials}. @default - new ones */
  readonly credentials?: Credentials;
  /** Environment variables for every deployment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Build the workspace before the first deployment. @default true */
  readonly build?: boolean;
  /** Faults of ECS Exec sessions. @default - none */
  readonly execFaults?: ExecFaults;
  /** How the agent at the other end of ECS Exec behaves. @default - as on ECS */
  readonly execAgent?: AgentBehaviour;
  /** Bootstrap the account for the CDK. @default true */
  readonly bootstrap?: boolean;
  /** Run the stand-in even where a real dbward is on the PATH. @default false */
  readonly standIn?: boolean;
  /**
   * How many times faster than on AWS schedules and periods of alarms pass, for tests that wait for them.
   * dbward's own time is the real one. @default 1
   */
  readonly speed?: number;
  /** @default - not reported */
  readonly progress?: Progress;
  /** Aborts the start and deployments. */
  readonly signal?: AbortSignal;
}

/** A stage in a running emulated account, with the tasks of its services as processes. */
export interface LocalStage extends AccountAccess {
  readonly stage: string;
  /** Everything that it writes. */
  readonly directory: string;
  readonly ports: StagePorts;
  /** Folder in which sst works. */
  readonly view: string;
  /** Where dbward's server listens once it is deployed. */
  readonly serverUrl: string;
  /** Process id of the emulated account. */
  readonly emulatorPid: number;
  /** Resolves when the emulated account has ended, also unasked. */
  readonly ended: Promise<void>;
  /** Environment for a process that is to use this account, such as the AWS CLI. */
  readonly environment: Readonly<Record<string, string>>;
  /** Argument for SDK clients. */
  clientConfig(): ClientConfig;
  /**
   * Runs the real `sst deploy`.
   * @throws ToolFailed with the resource that failed and why
   */
  deploy(options?: DeployOptions): Promise<void>;
  /** Runs the real `sst remove`. */
  remove(options?: DeployOptions): Promise<void>;
  /** Sets the faults of ECS Exec sessions that start from now on. */
  setExecFaults(faults: ExecFaults): void;
  /**
   * Waits until every service has completed its deployment with healthy tasks.
   * @param timeoutMs @default 300000
   * @returns what is wrong with each service that has not; nothing when all have
   */
  steady(timeoutMs?: number): Promise<string[]>;
  /** Asks the poller for a snapshot now, without waiting for its schedule. */
  poll(): Promise<void>;
  /** @param dashboardUrl goes into the answer as it is */
  status(dashboardUrl?: string): Promise<StageStatus>;
  /**
   * Another stage of the same account, deployed or not: with ports of its own. Its `deploy` throws
   * SettingsError when the settings don't have it, or have mistakes.
   */
  beside(stage: string): Promise<LocalStage>;
  /**
   * Which rights the roles of the account have used until now; `rights.json` of the directory holds the same.
   */
  usedRights(): UsedRights;
  /**
   * Keys with which a service of AWS acts in a role of the account.
   *
   * @param service such as `scheduler.amazonaws.com`
   * @param context condition keys of the trust policy, such as `aws:SourceArn`
   * @throws Error when the role does not trust the service
   */
  keysOfService(
    role: string,
    service: string,
    context: Readonly<Record<string, string>>,
  ): Promise<Required<Credentials>>;
  /** Ends the account with all its stages, tasks first. What was written stays until the next start. */
  close(): Promise<void>;
}

const START_MS = 300_000;
const STEADY_MS = 300_000;

/**
 * Starts a local stage: installs the emulator if need be, starts it and the ECS front, and goes on to prepare
 * the account and to build the workspace, for which the first deployment waits. It begins empty: what a
 * former run left in the directory is removed. Several stages can run at once from one checkout, each with a
 * directory of its own.
 *
 * @throws CurlMissing, EmulatorUnavailable, SettingsError
 */
export async function startLocalStage(options: LocalStageOptions): Promise<LocalStage> {
  const cleanUp = new CleanUp();
  try {
    return await new StageStart(options, cleanUp).run();
  } catch (error) {
    await cleanUp.run().catch(() => undefined); // the reason of the failure matters more
    throw error;
  }
}

/** What all stages of an account have in common. */
interface Account {
  readonly access: AccountAccess;
  readonly clients: StageClients;
  readonly emulator: Emulator;
  readonly front: EcsFront;
  /**
   * Resolves when the workspace is built and the account is prepared, with the URL of the stages' database.
   */
  readonly ready: Promise<readonly [unknown, string]>;
}

/** The steps of a start; whatever one of them starts is in the clean-up before the next one begins. */
class StageStart {
  readonly #options: LocalStageOptions;
  readonly #cleanUp: CleanUp;
  readonly #stage: string;
  readonly #root: string;
  readonly #directory: string;
  readonly #progress: Progress;
  readonly #signal: AbortSignal;
  readonly #deadline: Deadline;
  readonly #tools: WorkspaceTools;
  readonly #ports = new Map<string, Promise<StagePorts>>();
  #front: EcsFront | undefined;

  constructor(options: LocalStageOptions, cleanUp: CleanUp) {
    this.#options = options;
    this.#cleanUp = cleanUp;
    this.#stage = options.stage ?? LOCAL_STAGE;
    this.#root = resolve(options.root);
    this.#directory = resolve(options.directory ?? join(this.#root, ".local"));
    this.#progress = options.progress ?? new Progress();
    this.#signal = AbortSignal.any([cleanUp.signal, ...(options.signal ? [options.signal] : [])]);
    this.#deadline = Deadline.after(START_MS, this.#signal);
    this.#tools = workspaceTools(this.#root);
  }

  async run(): Promise<LocalStage> {
    const directory = this.#directory;
    requireCurl();
    const settings = await readSettings(this.#root, this.#stage);
    await clearRun(directory, { keepLogs: true });
    await privateFolder(directory);
    await mkdir(join(directory, "logs"), { recursive: true });
    const ports = this.#options.ports ?? this.#hold(await reservePorts());
    this.#ports.set(this.#stage, Promise.resolve(ports));
    const access: AccountAccess = {
      credentials: this.#options.credentials ?? newCredentials(),
      endpoint: `http://127.0.0.1:${ports.emulator}`,
    };

    const built = this.#inBackground(this.#build());
    const python = await this.#install();
    const emulator = await this.#progress.step("Start the emulated account", async (note) => {
      note(access.endpoint);
      return this.#startEmulator(python, access, ports.emulator);
    });
    const front = await this.#startFront(emulator, access);
    const clients = stageClients(access);
    this.#cleanUp.add(() => clients.destroy());
    await makeProjectView(stageView(directory, this.#stage), this.#root, this.#options.sstConfig);
    const prepared = this.#inBackground(
      this.#progress.step("Prepare the account", async () => {
        const [{ url }] = await Promise.all([
          this.#startDatabase(),
          bootstrapAccount({
            cloudFormation: clients.cloudFormation,
            iam: clients.iam,
            template: this.#options.bootstrap === false ? undefined : this.#tools.bootstrapTemplate,
            deadline: this.#deadline,
          }),
        ]);
        await createUserSecrets(clients.secretsManager, settings, url);
        return url;
      }),
    );
    const account: Account = { access, clients, emulator, front, ready: Promise.all([built, prepared]) };
    this.#inBackground(account.ready);
    return this.#stageOf(account, this.#stage, ports, () => account.ready);
  }

  #stageOf(account: Account, stage: string, ports: StagePorts, prepare: () => Promise<unknown>): LocalStage {
    const { access, clients, emulator, front } = account;
    const directory = this.#directory;
    const view = stageView(directory, stage);
    const serverUrl = `http://127.0.0.1:${ports.server}`;
    const config = clientConfig(access);
    const reader = createAwsClients(config.region, config);
    const environment = toolEnvironment(directory, this.#cacheDirectory, access, this.#options.env);
    const deployments = {
      stage,
      root: this.#root,
      view,
      sstConfig: this.#options.sstConfig,
      sst: this.#tools.sst,
      env: environment,
      log: (name: string) => stageLog(directory, stage, this.#stage, name),
      clients,
      progress: this.#progress,
      prepare,
      signal: this.#signal,
    };
    return {
      ...access,
      stage,
      directory,
      ports,
      view,
      serverUrl,
      emulatorPid: emulator.pid,
      ended: emulator.ended,
      environment,
      clientConfig: () => config,
      deploy: (deployOptions) => runDeployment(deployments, "deploy", deployOptions),
      remove: (deployOptions) => runDeployment(deployments, "remove", deployOptions),
      setExecFaults: (faults) => front.setFaults(faults),
      steady: (timeoutMs = STEADY_MS) =>
        steadyServices(clients, stage, Deadline.after(timeoutMs, this.#signal)),
      poll: () => poll(clients, stage),
      status: (dashboardUrl) =>
        readStatus({
          clients: reader,
          stage,
          endpoint: access.endpoint,
          serverUrl,
          services: () => front.services(),
          dashboardUrl,
        }),
      beside: (other) => this.#beside(account, other),
      usedRights: () => emulator.judge.used,
      keysOfService: async (role, service, context) => {
        if (!(await emulator.judge.mayBeTaken(role, service, context, LOCAL_REGION)))
          throw new Error(`Role ${role} does not trust ${service}.`);
        return emulator.judge.keysOf({ role, name: service });
      },
      close: () => this.#cleanUp.run(),
    };
  }

  async #beside(account: Account, stage: string): Promise<LocalStage> {
    if (stage === this.#stage) throw new TypeError(`${stage} is this stage itself`);
    return this.#stageOf(account, stage, await this.#portsOf(stage), async () => {
      const settings = await readSettings(this.#root, stage);
      const [, databaseUrl] = await account.ready;
      await createUserSecrets(account.clients.secretsManager, settings, databaseUrl);
    });
  }

  /** Ports of a stage, reserved at the first request. */
  #portsOf(stage: string): Promise<StagePorts> {
    const reserve = this.#options.stagePorts ?? (() => reserveStagePorts());
    const ports = this.#ports.get(stage) ?? reserve(stage).then((reserved) => this.#hold(reserved));
    this.#ports.set(stage, ports);
    return ports;
  }

  #hold<Ports>({ ports, release }: ReservedPorts<Ports>): Ports {
    this.#cleanUp.add(release);
    return ports;
  }

  get #cacheDirectory(): string {
    return this.#options.cacheDirectory ?? join(this.#root, ".local", "cache");
  }

  #log(name: string): string {
    return stageLog(this.#directory, this.#stage, this.#stage, name);
  }

  async #startDatabase(): Promise<StageDatabase> {
    const database = await stageDatabase(this.#directory, this.#cacheDirectory, process.env);
    this.#cleanUp.add(() => database.close());
    return database;
  }

  async #build(): Promise<void> {
    if (this.#options.build === false) return;
    await this.#progress.step("Build the workspace", () =>
      buildWorkspace({
        turbo: this.#tools.turbo,
        root: this.#root,
        log: this.#log("build"),
        deadline: this.#deadline,
      }),
    );
  }

  #install(): Promise<string> {
    return this.#progress.step("Install the emulator", (note) =>
      installEmulator({
        cacheDirectory: this.#cacheDirectory,
        log: this.#log("install"),
        deadline: this.#deadline,
        note,
      }),
    );
  }

  async #startEmulator(python: string, { credentials }: AccountAccess, port: number): Promise<Emulator> {
    const emulator = await startEmulator({
      python,
      directory: this.#directory,
      port,
      credentials,
      functionVariables: (asked) => this.#front?.functionVariables(asked) ?? { ...asked.variables },
      sdk: this.#tools.sstSdk,
      ...(this.#options.speed === undefined ? {} : { speed: this.#options.speed }),
      deadline: this.#deadline,
    });
    this.#cleanUp.add(() => emulator.close());
    return emulator;
  }

  async #startFront(emulator: Emulator, { credentials }: AccountAccess): Promise<EcsFront> {
    const { standIn, execFaults, execAgent } = this.#options;
    const directory = await plainPath(this.#directory);
    this.#cleanUp.add(() => directory.close());
    const front = startEcsFront({
      directory: directory.path,
      emulator,
      region: LOCAL_REGION,
      credentials,
      servicePort: ({ cluster, service }) => {
        const { stage, part } = partOfService(cluster, service) ?? {};
        if (stage === undefined || part !== SERVER_PART) return undefined;
        return this.#portsOf(stage).then(({ server }) => server);
      },
      zoneOf: ({ cluster, service }) => {
        const { stage } = partOfService(cluster, service) ?? {};
        return stage === undefined ? undefined : stageNames(stage).namespace;
      },
      logger: createLogger(await logWriter(this.#log("tasks"))),
      ...(standIn === undefined ? {} : { standIn }),
      ...(execFaults === undefined ? {} : { faults: execFaults }),
      ...(execAgent === undefined ? {} : { agent: execAgent }),
    });
    this.#cleanUp.add(() => front.close());
    this.#front = front;
    return front;
  }

  /** Work whose error is for the deployment that waits for it, and that a clean-up waits for. */
  #inBackground<T>(work: Promise<T>): Promise<T> {
    const settled = work.then(
      () => undefined,
      () => undefined,
    );
    this.#cleanUp.add(() => settled);
    return work;
  }
}

async function poll(clients: StageClients, stage: string): Promise<void> {
  await clients.lambda.send(new InvokeCommand({ FunctionName: stageNames(stage).pollerFunction }));
}
