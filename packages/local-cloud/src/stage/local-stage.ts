import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { InvokeCommand } from "@aws-sdk/client-lambda";
import { SERVER, stageNames } from "@dbward-aws/contract";
import { createLogger, Deadline } from "@dbward-aws/core";
import { type Credentials, newCredentials } from "../account/index.ts";
import { type EcsFront, startEcsFront } from "../ecs-front/index.ts";
import { type Emulator, startEmulator } from "../emulator/emulator.ts";
import { installEmulator } from "../emulator/install.ts";
import type { AgentBehaviour, ExecFaults } from "../exec-gateway/index.ts";
import { bootstrapAccount } from "./bootstrap-account.ts";
import { buildWorkspace } from "./build-workspace.ts";
import { CleanUp } from "./clean-up.ts";
import { type ClientConfig, clientConfig, type StageClients, stageClients } from "./clients.ts";
import { type DeployOptions, runDeployment } from "./deployments.ts";
import { type AccountAccess, LOCAL_REGION } from "./environment.ts";
import { logWriter } from "./log-writer.ts";
import { plainPath } from "./plain-path.ts";
import { reservePorts, type StagePorts } from "./ports.ts";
import { privateFolder } from "./private-folder.ts";
import { Progress } from "./progress.ts";
import { makeProjectView } from "./project-view.ts";
import { type StageDatabase, stageDatabase } from "./stage-database.ts";
import { clearRun } from "./stage-directory.ts";
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
  /** @default "local" */
  readonly stage?: string;
  /** File to deploy instead of the checkout's sst.config.ts. */
  readonly sstConfig?: string;
  /** Whoever gives some has reserved them. @default - free ones */
  readonly ports?: StagePorts;
  /** Keys of the emulated account, from {@link newCredentials}. @default - new ones */
  readonly credentials?: Credentials;
  /** Environment variables for every deployment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Build the workspace before the first deployment. @default true */
  readonly build?: boolean;
  /** What ECS Exec sessions are to suffer. @default - nothing */
  readonly execFaults?: ExecFaults;
  /** How the agent at the other end of ECS Exec behaves. @default - as on ECS */
  readonly execAgent?: AgentBehaviour;
  /** Run the stand-in even where a real dbward is on the PATH. @default false */
  readonly standIn?: boolean;
  /** @default - nobody listens */
  readonly progress?: Progress;
  /** Ends what is under way. */
  readonly signal?: AbortSignal;
}

/** A running local stage: an emulated account, and the tasks of its services as processes. */
export interface LocalStage extends AccountAccess {
  readonly stage: string;
  /** Everything that it writes. */
  readonly directory: string;
  readonly ports: StagePorts;
  /** Where dbward's server listens once it is deployed. */
  readonly serverUrl: string;
  /** Process id of the emulated account. */
  readonly emulatorPid: number;
  /** Resolves when the emulated account has ended, also unasked. */
  readonly ended: Promise<void>;
  /** Environment for a process that is to use this account, such as the AWS CLI. */
  readonly environment: Readonly<Record<string, string>>;
  /** Argument for SDK clients. */
  clientConfig(service?: "ecs"): ClientConfig;
  /**
   * Runs the real `sst deploy`.
   * @throws ToolFailed with the resource that failed and why
   */
  deploy(options?: DeployOptions): Promise<void>;
  /** Runs the real `sst remove`. */
  remove(options?: DeployOptions): Promise<void>;
  /** What ECS Exec sessions that start from now on are to suffer. */
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
  /** Ends everything that was started, tasks first. What was written stays until the next start. */
  close(): Promise<void>;
}

const START_MS = 300_000;
const STEADY_MS = 300_000;

/**
 * Starts a local stage: installs the emulator if need be, starts it and the ECS front, and goes on to prepare the
 * account and to build the workspace, for which the first deployment waits. It begins empty: what a former run left
 * in the directory is removed. Several stages can run at once from one checkout, each with a directory of its own.
 *
 * @throws EmulatorUnavailable, SettingsError
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

  constructor(options: LocalStageOptions, cleanUp: CleanUp) {
    this.#options = options;
    this.#cleanUp = cleanUp;
    this.#stage = options.stage ?? "local";
    this.#root = resolve(options.root);
    this.#directory = resolve(options.directory ?? join(this.#root, ".local"));
    this.#progress = options.progress ?? new Progress();
    this.#signal = AbortSignal.any([cleanUp.signal, ...(options.signal ? [options.signal] : [])]);
    this.#deadline = Deadline.after(START_MS, this.#signal);
    this.#tools = workspaceTools(this.#root);
  }

  async run(): Promise<LocalStage> {
    const stage = this.#stage;
    const directory = this.#directory;
    const settings = await readSettings(this.#root, stage);
    await clearRun(directory, { keepLogs: true });
    await privateFolder(directory);
    await mkdir(join(directory, "logs"), { recursive: true });
    const ports = this.#options.ports ?? (await this.#reservePorts());
    const access: AccountAccess = {
      credentials: this.#options.credentials ?? newCredentials(),
      endpoint: `http://127.0.0.1:${ports.emulator}`,
      ecsEndpoint: `http://127.0.0.1:${ports.ecs}`,
    };
    const serverUrl = `http://127.0.0.1:${ports.server}`;
    const environment = toolEnvironment(directory, access, this.#options.env);

    const built = this.#inBackground(this.#build());
    const python = await this.#install();
    const emulator = await this.#progress.step("Start the emulated account", async (note) => {
      note(access.endpoint);
      return this.#startEmulator(python, access, ports);
    });
    const front = await this.#startFront(emulator, access, ports);
    const clients = stageClients(access);
    this.#cleanUp.add(() => clients.destroy());
    const view = join(directory, "sst");
    await makeProjectView(view, this.#root, this.#options.sstConfig);
    const prepared = this.#inBackground(
      this.#progress.step("Prepare the account", async () => {
        await Promise.all([
          this.#startDatabase().then(({ url }) => createUserSecrets(clients.secretsManager, settings, url)),
          bootstrapAccount({
            cloudFormation: clients.cloudFormation,
            template: this.#tools.bootstrapTemplate,
            deadline: this.#deadline,
          }),
        ]);
      }),
    );
    const deployments = {
      stage,
      root: this.#root,
      view,
      sstConfig: this.#options.sstConfig,
      sst: this.#tools.sst,
      env: environment,
      log: (name: string) => this.#log(name),
      clients,
      progress: this.#progress,
      prepared: Promise.all([built, prepared]),
      signal: this.#signal,
    };
    this.#inBackground(deployments.prepared);

    return {
      ...access,
      stage,
      directory,
      ports,
      serverUrl,
      emulatorPid: emulator.pid,
      ended: emulator.ended,
      environment,
      clientConfig: (service) =>
        clientConfig(service === "ecs" ? access.ecsEndpoint : access.endpoint, access.credentials),
      deploy: (deployOptions) => runDeployment(deployments, "deploy", deployOptions),
      remove: (deployOptions) => runDeployment(deployments, "remove", deployOptions),
      setExecFaults: (faults) => front.setFaults(faults),
      steady: (timeoutMs = STEADY_MS) =>
        steadyServices(clients, stage, Deadline.after(timeoutMs, this.#signal)),
      poll: () => poll(clients, stage),
      status: (dashboardUrl) =>
        readStatus({
          ...clients,
          stage,
          endpoint: access.endpoint,
          ecsEndpoint: access.ecsEndpoint,
          serverUrl,
          services: () => front.services(),
          dashboardUrl,
        }),
      close: () => this.#cleanUp.run(),
    };
  }

  get #cacheDirectory(): string {
    return this.#options.cacheDirectory ?? join(this.#root, ".local", "cache");
  }

  #log(name: string): string {
    return join(this.#directory, "logs", `${name}.log`);
  }

  async #startDatabase(): Promise<StageDatabase> {
    const database = await stageDatabase(this.#directory, this.#cacheDirectory, process.env);
    this.#cleanUp.add(() => database.close());
    return database;
  }

  async #reservePorts(): Promise<StagePorts> {
    const { ports, release } = await reservePorts();
    this.#cleanUp.add(release);
    return ports;
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

  async #startEmulator(
    python: string,
    { ecsEndpoint, credentials }: AccountAccess,
    ports: StagePorts,
  ): Promise<Emulator> {
    const emulator = await startEmulator({
      python,
      directory: this.#directory,
      port: ports.emulator,
      ecsEndpoint,
      credentials,
      addresses: { [serverAddress(this.#stage)]: `127.0.0.1:${ports.server}` },
      sdk: this.#tools.sstSdk,
      deadline: this.#deadline,
    });
    this.#cleanUp.add(() => emulator.close());
    return emulator;
  }

  async #startFront(
    emulator: Emulator,
    { credentials }: AccountAccess,
    ports: StagePorts,
  ): Promise<EcsFront> {
    const { standIn, execFaults, execAgent } = this.#options;
    const directory = await plainPath(this.#directory);
    this.#cleanUp.add(() => directory.close());
    const front = await startEcsFront({
      directory: directory.path,
      emulator,
      region: LOCAL_REGION,
      credentials,
      port: ports.ecs,
      servicePorts: { [stageNames(this.#stage).serverService]: ports.server },
      logger: createLogger(await logWriter(this.#log("tasks"))),
      ...(standIn === undefined ? {} : { standIn }),
      ...(execFaults === undefined ? {} : { faults: execFaults }),
      ...(execAgent === undefined ? {} : { agent: execAgent }),
    });
    this.#cleanUp.add(() => front.close());
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

/** Where the server is for whoever is in the VPC and not in Service Connect. */
function serverAddress(stage: string): string {
  return `${SERVER.dnsName}.${stageNames(stage).namespace}:${SERVER.port}`;
}

async function poll(clients: StageClients, stage: string): Promise<void> {
  await clients.lambda.send(new InvokeCommand({ FunctionName: stageNames(stage).pollerFunction }));
}
