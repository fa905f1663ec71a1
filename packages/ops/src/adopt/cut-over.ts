/** A deployment of which only one may run: the former one, or the stage. */
export interface Side {
  /** Waits for what is under way, and stops agents, then the server, until their tasks have ended. */
  stop(): Promise<void>;
  /** Starts the server, and waits until it is healthy, then the agents. Nothing that does not exist. */
  start(): Promise<void>;
}

/** What an adoption does, in order. Each of these can be done again. */
export interface CutOverSteps {
  /**
   * Keeps what the stage uses from being deleted with the former stacks. This updates them, so it comes before their services are
   * stopped: an update that sent the services' counts of the template would start them.
   */
  readonly retain: () => Promise<void>;
  readonly former: Side;
  readonly stage: Side;
  /** Waits until EFS reports no client. */
  readonly awaitUnmounted: () => Promise<void>;
  /** Deploys the stage, and waits until its server and agents work. */
  readonly deploy: () => Promise<void>;
  /** Compares what the server has with what the former one had. */
  readonly verify: () => Promise<void>;
}

/**
 * Cuts over to the stage. Its server is not started before the tasks of the former one have ended, so that there are never two that write
 * to one file system; also after a cut at any step, when this is called again.
 */
export async function cutOver(steps: CutOverSteps): Promise<void> {
  const { former, stage, awaitUnmounted, deploy, verify, retain } = steps;
  await retain();
  await former.stop();
  await awaitUnmounted();
  // After a way back its services are there, without tasks, and a deployment that changes nothing leaves them so.
  await stage.start();
  await deploy();
  await verify();
}

/** How things stand after a cut-over that failed. */
export type FailedCutOver = "stage-serves" | "former-runs" | "all-stopped" | "went-back";

/** What {@link afterFailedCutOver} asks and does. */
export interface WayBack {
  /** Whether the stage's server works. */
  isServing(): Promise<boolean>;
  isFormerStopped(): Promise<boolean>;
  /** Whether the former deployment is to be started again. */
  agrees(): Promise<boolean>;
  goBack(): Promise<void>;
}

/**
 * Goes back to the former deployment if that was stopped for a stage whose server doesn't work. A stage that serves has taken requests
 * already, which the former server might not know how to go on with: that is left to a person.
 */
export async function afterFailedCutOver(way: WayBack): Promise<FailedCutOver> {
  if (await way.isServing()) return "stage-serves";
  if (!(await way.isFormerStopped())) return "former-runs";
  if (!(await way.agrees())) return "all-stopped";
  await way.goBack();
  return "went-back";
}

/** Goes back: the former deployment is not started before the tasks of the stage have ended. */
export async function goBack({
  former,
  stage,
  verify,
}: Pick<CutOverSteps, "former" | "stage" | "verify">): Promise<void> {
  await stage.stop();
  await former.start();
  await verify();
}
