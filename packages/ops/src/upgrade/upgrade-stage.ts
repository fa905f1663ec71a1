import { lt, valid } from "semver";

/** The versions that a stage runs, as its task definitions name them. */
export interface RunningVersions {
  /** `undefined`: the service is not there. */
  readonly server: string | undefined;
  readonly agents: ReadonlyMap<string, string | undefined>;
}

/** What an upgrade does to a stage. Each of these can be done again. */
export interface UpgradeSteps {
  /** Makes a recovery point of the server's file system. @default - the stage has no backups */
  readonly backUp?: () => Promise<void>;
  /** Writes tags into the file that dbward.config.ts reads. */
  readonly writeVersions: (change: { server?: string; agents?: string }) => void;
  /**
   * Deploys what the settings say now, and waits for the server, or for the agents too.
   *
   * @throws when they don't work
   */
  readonly deploy: (awaits: "server" | "everything") => Promise<void>;
  /** @throws when the server doesn't answer, or is not of this version */
  readonly verifyServer: (tag: string) => Promise<void>;
  /** @throws when an agent is not of this version, or doesn't poll */
  readonly verifyAgents: (tag: string) => Promise<void>;
  /** Reports what is being done. */
  readonly report: (step: string) => void;
}

/** What is left to do. */
export interface UpgradeWork {
  readonly server: boolean;
  /** Names of the agents that run an older version. */
  readonly agents: readonly string[];
}

/** Compares what runs with a version: the server and the agents that are older, or not known to be this version. */
export function upgradeWork(running: RunningVersions, tag: string): UpgradeWork {
  return {
    server: isBehind(running.server, tag),
    agents: [...running.agents].filter(([, version]) => isBehind(version, tag)).map(([name]) => name),
  };
}

/** Whether a version is older than another; a tag that is no version, such as a digest, is neither. */
export function isOlder(version: string | undefined, than: string | undefined): boolean {
  return Boolean(version && than && valid(version) && valid(than) && lt(version, than));
}

function isBehind(version: string | undefined, tag: string): boolean {
  return version !== tag && !(version !== undefined && valid(version) && !lt(version, tag));
}

/**
 * Upgrades the server, then the agents. What is done already is left out, so that another call continues after a cut at any step.
 *
 * @throws UpgradeStepError with the part that failed
 */
export async function upgradeStage(tag: string, work: UpgradeWork, steps: UpgradeSteps): Promise<void> {
  const { backUp, writeVersions, deploy, verifyServer, verifyAgents, report } = steps;
  if (work.server) {
    if (backUp) {
      report("Backing up the server's file system");
      await backUp();
    }
    await of("server", async () => {
      report(`Deploying the server ${tag}`);
      writeVersions({ server: tag });
      // A server takes an agent that is older than its `min_agent_version` for not ready, and so does ECS.
      await deploy("server");
    });
  }
  await of("server", async () => {
    report("Checking the server's version");
    await verifyServer(tag);
  });
  await of("agents", async () => {
    if (work.agents.length > 0) {
      report(`Deploying the agents ${tag}`);
      writeVersions({ agents: tag });
      await deploy("everything");
    }
    report("Checking the agents");
    await verifyAgents(tag);
  });
  // Also when somebody else has deployed the version: the file says what runs.
  writeVersions({ server: tag, agents: tag });
}

/** A part of an upgrade failed. */
export class UpgradeStepError extends Error {
  override readonly name = "UpgradeStepError";
  readonly part: "server" | "agents";

  constructor(part: "server" | "agents", cause: unknown) {
    super(`The upgrade of the ${part} failed`, { cause });
    this.part = part;
  }
}

async function of(part: "server" | "agents", work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new UpgradeStepError(part, error);
  }
}
