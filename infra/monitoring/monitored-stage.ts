import type { ExpectedAgent, MonitoringLevel, Publisher, StageNames } from "@dbward-aws/contract";
import type * as kms from "aws-cdk-lib/aws-kms";
import type { ConfigApplier } from "../apply/config-applier.ts";
import type { TokenCapture } from "../capture/token-capture.ts";
import type { DbwardServer } from "../server/dbward-server.ts";
import type { RunbookLinks } from "./runbooks.ts";

/**
 * What monitoring needs of an agent; `DbwardAgent` has it all. It is written out: what is referred to in
 * another stack can't be deleted there, and agents come and go.
 */
export interface MonitoredAgent extends ExpectedAgent {
  readonly serviceName: string;
  readonly serviceArn: string;
  readonly logGroupName: string;
}

/** What the parts of monitoring have in common. */
export interface MonitoredStage {
  /** Name of the stage. */
  readonly stage: string;
  readonly names: StageNames;
  readonly server: DbwardServer;
  readonly agents: readonly MonitoredAgent[];
  readonly capture: TokenCapture;
  /** The function that takes changed values to the tasks. */
  readonly applier: ConfigApplier | undefined;
  readonly runbooks: RunbookLinks;
  /** How the poller hands over what it measures. */
  readonly publisher: Publisher;
  /** Which alarms and metrics there are. */
  readonly level: MonitoringLevel;
  /** How many agents get metrics of their own. */
  readonly perAgentMetrics: number;
  readonly encryptionKey: kms.IKey | undefined;
}
