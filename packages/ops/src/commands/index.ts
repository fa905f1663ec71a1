import { adopt } from "./adopt.ts";
import { backup } from "./backup.ts";
import { bucketPolicy } from "./bucket-policy.ts";
import { cleanup } from "./cleanup.ts";
import { config } from "./config.ts";
import { cost } from "./cost.ts";
import { dashboard } from "./dashboard.ts";
import { deploy } from "./deploy.ts";
import { doctor } from "./doctor.ts";
import { init } from "./init.ts";
import { logs } from "./logs.ts";
import { lookup } from "./lookup.ts";
import { preflight } from "./preflight.ts";
import { remove } from "./remove.ts";
import { restart } from "./restart.ts";
import { restore } from "./restore.ts";
import { run } from "./run.ts";
import { scale } from "./scale.ts";
import { shell } from "./shell.ts";
import { start, stop } from "./start.ts";
import { status } from "./status.ts";
import { tokens } from "./tokens.ts";
import { tunnel } from "./tunnel.ts";
import { upgrade } from "./upgrade.ts";
import { withServer } from "./with-server.ts";

/** The commands of `pnpm ops`, in the order of the help. */
export const COMMANDS = [
  init,
  deploy,
  status,
  doctor,
  preflight,
  lookup,
  tokens,
  upgrade,
  backup,
  restore,
  config,
  restart,
  scale,
  start,
  stop,
  logs,
  tunnel,
  withServer,
  shell,
  run,
  cost,
  remove,
  cleanup,
  adopt,
  dashboard,
  bucketPolicy,
];
