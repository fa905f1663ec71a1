/** Outputs of a stage's stacks that tools look up, by what they hold. */
export const STACK_OUTPUTS = {
  /** Of the State stack: bucket of the results. */
  resultBucket: "BucketName",
  /** State stack: name of the vault of the file system's copies. */
  backupVault: "BackupVaultName",
  /** State stack: ARN of the role as which AWS Backup copies and restores. */
  backupRole: "BackupRoleArn",
  /** Server stack: name of the ECS cluster. */
  cluster: "ClusterName",
  /** Server stack: base URL of the server's API for people and tools. */
  serverEndpoint: "ServerEndpoint",
  /** Server stack: log group of the function that captures the tokens. */
  captureLogGroup: "CaptureLogGroupName",
  /** Monitoring stack: name of the EventBridge rule that runs the poller. */
  pollerRule: "PollerRuleName",
  /** Monitoring stack: log group of the poller's function. */
  pollerLogGroup: "PollerLogGroupName",
  /** Monitoring stack: log group of the function that takes changed values to the tasks. */
  applyLogGroup: "ApplyLogGroupName",
  /** Monitoring stack: log group of the function that checks the tokens. */
  tokenCheckLogGroup: "TokenCheckLogGroupName",
} as const;
