import * as events from "aws-cdk-lib/aws-events";
import type { Construct } from "constructs";
import type { AlarmTopic } from "./alarm-topic.ts";
import type { MonitoredStage } from "./monitored-stage.ts";
import { ToldEvent } from "./told-event.ts";

export interface BackupEventRuleProps extends Pick<MonitoredStage, "stage" | "server"> {
  readonly receivers: AlarmTopic;
}

const field = events.EventField.fromPath;

/**
 * Tells of each copy of the server's file system that AWS Backup could not make, whoever asked for it. Of a
 * copy that was not even begun `pnpm ops doctor` tells.
 */
export class BackupEventRule extends ToldEvent {
  constructor(scope: Construct, id: string, { stage, server, receivers }: BackupEventRuleProps) {
    super(scope, id, {
      stage,
      receivers,
      description: "a copy of the server's file system failed",
      // https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html: the resource is in the detail
      // alone.
      pattern: {
        source: ["aws.backup"],
        detailType: ["Backup Job State Change"],
        detail: {
          state: ["ABORTED", "EXPIRED", "FAILED", "PARTIAL"],
          resourceArn: [server.fileSystem.fileSystemArn],
        },
      },
      text: [
        `A copy of the server's file system failed on dbward ${stage}: the job is ${field("$.detail.state")}.`,
        `Reason: ${field("$.detail.statusMessage")}`,
        `Vault: ${field("$.detail.backupVaultName")}`,
        `At: ${field("$.time")}`,
        `Job: ${field("$.detail.backupJobId")}`,
        `Next step: remove the cause, and make a copy with \`pnpm ops backup --stage ${stage}\`.`,
      ],
    });
  }
}
