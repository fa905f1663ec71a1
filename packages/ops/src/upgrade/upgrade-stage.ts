import { imageTagParts } from "@dbward-aws/settings";
import { lt, valid } from "semver";

/** What the images of an upgrade are named by in the settings: the version, with a digest or without. */
export interface WantedTags {
  readonly server: string;
  /** Of all agents. */
  readonly agents: string;
}

/** The image tags that a stage runs, as its task definitions name them. */
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
  readonly verifyServer: () => Promise<void>;
  /** @throws when an agent is not of this version, or doesn't poll */
  readonly verifyAgents: () => Promise<void>;
  /** Reports what is being done. */
  readonly report: (step: string) => void;
}

/** What is left to do. */
export interface UpgradeWork {
  readonly server: boolean;
  /** Names of the agents that run an older version. */
  readonly agents: readonly string[];
}

/**
 * Compares what runs with a version: the server and the agents that are older, not known to be this version, or of this
 * version without the digest that it is to have.
 */
export function upgradeWork(running: RunningVersions, wanted: WantedTags): UpgradeWork {
  return {
    server: isBehind(running.server, wanted.server),
    agents: [...running.agents].filter(([, tag]) => isBehind(tag, wanted.agents)).map(([name]) => name),
  };
}

/** Whether the version in a tag is older than another; a tag that is not a version, such as a digest, is neither. */
export function isOlder(tag: string | undefined, than: string | undefined): boolean {
  const [version, other] = [versionIn(tag), versionIn(than)];
  return version !== undefined && other !== undefined && lt(version, other);
}

function isBehind(running: string | undefined, wanted: string): boolean {
  const { tag, digest } = imageTagParts(wanted);
  const version = versionIn(running);
  if (running === wanted || version === undefined || tag === undefined) return running !== wanted;
  return lt(version, tag) || (version === tag && digest !== undefined);
}

/** The version in an image's tag. */
function versionIn(text: string | undefined): string | undefined {
  const { tag } = imageTagParts(text ?? "");
  return tag !== undefined && valid(tag) === tag ? tag : undefined;
}

/**
 * Upgrades the server, then the agents. What is done already is left out, so that another call continues after a cut at any step.
 *
 * @throws UpgradeStepError with the part that failed
 */
export async function upgradeStage(
  wanted: WantedTags,
  work: UpgradeWork,
  steps: UpgradeSteps,
): Promise<void> {
  const version = imageTagParts(wanted.server).tag!;
  const { backUp, writeVersions, deploy, verifyServer, verifyAgents, report } = steps;
  if (work.server) {
    if (backUp) {
      report("Backing up the server's file system");
      await backUp();
    }
    await of("server", async () => {
      report(`Deploying the server ${version}`);
      writeVersions({ server: wanted.server });
      // A server takes an agent that is older than its `min_agent_version` for not ready, and so does ECS.
      await deploy("server");
    });
  }
  await of("server", async () => {
    report("Checking the server's version");
    await verifyServer();
  });
  await of("agents", async () => {
    if (work.agents.length > 0) {
      report(`Deploying the agents ${version}`);
      writeVersions({ agents: wanted.agents });
      await deploy("everything");
    }
    report("Checking the agents");
    await verifyAgents();
  });
  // Also when somebody else has deployed the version: the file says what runs.
  writeVersions(wanted);
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
