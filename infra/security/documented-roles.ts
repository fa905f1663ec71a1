/** A role of a stage, and why it has each of its statements. */
export interface DocumentedRole {
  /** Logical id without its hash; the stacks of a stage have one role that matches, or one an agent. */
  readonly role: RegExp;
  readonly title: string;
  /** Who has it, and what it is worth to whoever takes over that part. */
  readonly holder: string;
  /** Reasons by the actions of a statement: sorted, joined with blanks, `deny:` in front of a denial. */
  readonly reasons: Readonly<Record<string, string>>;
  /**
   * Why it keeps rights that no end-to-end story on the local stage uses: by actions, joined with blanks. The
   * story of the token capture compares them with what the roles have used.
   */
  readonly unused?: Readonly<Record<string, string>>;
}

const LOG = "logs:CreateLogStream logs:PutLogEvents";
const NETWORK_INTERFACES =
  "ec2:AssignPrivateIpAddresses ec2:CreateNetworkInterface ec2:DeleteNetworkInterface ec2:DescribeNetworkInterfaces " +
  "ec2:DescribeSubnets ec2:UnassignPrivateIpAddresses";
const EXEC_CHANNEL =
  "ssmmessages:CreateControlChannel ssmmessages:CreateDataChannel ssmmessages:OpenControlChannel ssmmessages:OpenDataChannel";

const INSIDE_LAMBDA = "Lambda itself uses them, which on the local stage is inside the emulator.";

const EXECUTION = {
  [LOG]: "ECS writes what the container prints into its own log group.",
  "ecr:GetAuthorizationToken": "A pull from ECR begins with it; the action knows no resource.",
  "ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:GetDownloadUrlForLayer":
    "ECS pulls the image from the one repository that the settings name.",
  "ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:BatchImportUpstreamImage ecr:CreateRepository ecr:GetDownloadUrlForLayer":
    "ECS pulls the image from the one repository that the settings name; the first pull through a cache creates it and imports the image.",
} as const;

/** Every role that the stacks of a stage can have. `docs/security.md` shows this table. */
export const DOCUMENTED_ROLES: readonly DocumentedRole[] = [
  {
    role: /^ServerTaskRole$/,
    title: "Server's task",
    holder: "The server's process has it, and whoever opens a session in its container.",
    reasons: {
      "elasticfilesystem:ClientMount elasticfilesystem:ClientWrite":
        "The server keeps its database on the file system; only this role may write there, through one access point.",
      "s3:DeleteObject s3:GetObject s3:PutObject s3:PutObjectTagging":
        "The server stores results, hands them out, and deletes them when their time is over.",
      "s3:ListBucket": "dbward's deployment guide asks for it, to find results below their prefix.",
      "kms:Decrypt kms:GenerateDataKey":
        "S3 encrypts and decrypts the results with the bucket's customer managed key.",
      [EXEC_CHANNEL]: "ECS Exec opens its channel from inside the task; the actions know no resource.",
    },
    unused: {
      "s3:DeleteObject s3:GetObject s3:PutObject s3:PutObjectTagging":
        "The stand-in keeps results in files; a real server on the local stage uses all four.",
      "s3:ListBucket": "dbward 0.2.0 does not list results.",
    },
  },
  {
    role: /^BackupRole$/,
    title: "Backups",
    holder: "AWS Backup has it while it copies or restores the file system.",
    reasons: {
      "elasticfilesystem:Backup elasticfilesystem:DescribeTags":
        "It copies the file system of this stage and no other.",
      "tag:GetResources": "AWS Backup looks for resources by their tags; the action knows no resource.",
      "elasticfilesystem:CreateFileSystem elasticfilesystem:DescribeFileSystems elasticfilesystem:Restore elasticfilesystem:TagResource":
        "It restores to a new file system, which has no id before. It can delete none.",
      "kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey kms:ReEncryptFrom kms:ReEncryptTo":
        "File system and vault may be encrypted with a customer managed key. That of an existing file system is known to EFS alone: it is used by way of EFS.",
      "kms:CreateGrant": "EFS and AWS Backup use such a key by grants, which are for AWS services alone.",
    },
    unused: Object.fromEntries(
      [
        "elasticfilesystem:Backup elasticfilesystem:DescribeTags",
        "tag:GetResources",
        "elasticfilesystem:CreateFileSystem elasticfilesystem:DescribeFileSystems elasticfilesystem:Restore elasticfilesystem:TagResource",
      ].map((actions) => [actions, "The local stage has no AWS Backup that works."]),
    ),
  },
  {
    role: /^ServerTaskExecutionRole$/,
    title: "Server's task, before it starts",
    holder: "ECS has it, not the container.",
    reasons: {
      ...EXECUTION,
      "secretsmanager:GetSecretValue":
        "ECS puts the secrets that the settings name into the container's environment.",
      "ssm:GetParameters": "ECS puts the configuration from SSM into the container's environment.",
      "kms:Decrypt":
        "Secrets and the configuration may be encrypted with customer managed keys; used by way of their service alone.",
    },
  },
  {
    role: /^Agent\w+TaskRole$/,
    title: "Agent's task",
    holder: "The agent's process has it. Without ECS Exec it allows nothing.",
    reasons: {
      [EXEC_CHANNEL]: "ECS Exec opens its channel from inside the task; the actions know no resource.",
    },
  },
  {
    role: /^Agent\w+TaskExecutionRole$/,
    title: "Agent's task, before it starts",
    holder: "ECS has it, not the container.",
    reasons: {
      ...EXECUTION,
      "secretsmanager:GetSecretValue":
        "ECS puts the agent's token and the database's URL into the container's environment; of this one agent alone.",
      "ssm:GetParameters": "ECS puts the configuration from SSM into the container's environment.",
      "kms:Decrypt":
        "Secrets and the configuration may be encrypted with customer managed keys; used by way of their service alone.",
    },
  },
  {
    role: /^TokenCaptureRole$/,
    title: "Capture function",
    holder: "The function has it while a deployment asks it for tokens.",
    reasons: {
      [LOG]: "The function writes its own log.",
      "ecs:ListTasks":
        "It finds the server's task; the action knows no resource but takes the cluster as a condition.",
      "ecs:DescribeServices": "It sees that ECS has given up a deployment, and doesn't wait on.",
      "ecs:DescribeTasks": "It waits until the task runs, and tells why it stopped.",
      "logs:DescribeLogStreams logs:GetLogEvents":
        "It quotes the server's last lines when the server does not start.",
      "secretsmanager:GetSecretValue": "It leaves tokens alone that are captured already.",
      "kms:Decrypt": "It reads secrets that are encrypted with a customer managed key.",
      "kms:Decrypt kms:GenerateDataKey": "It writes such secrets, too, with the capture method `exec`.",
      "ecs:DescribeClusters":
        "It refuses to capture where sessions are logged, as the log would keep the tokens.",
      "ecs:ExecuteCommand":
        "It reads the tokens in one session, in the server's container of this cluster and in no other.",
      "ssm:ResumeSession ssm:TerminateSession":
        "It takes up a session that lost its connection, or ends it: a container has two, and a lost one lasts 20 minutes.",
      "secretsmanager:PutSecretValue": "It stores the tokens; it can't change anything else of a secret.",
      "ecs:RunTask": "With the capture method `task` it starts the one task that does it instead.",
      "iam:PassRole": "That task gets its two roles, and no other service may get them.",
      "logs:GetLogEvents": "It reads what that task reports.",
    },
    unused: { [LOG]: INSIDE_LAMBDA },
  },
  {
    role: /^CaptureTaskRole$/,
    title: "Capture task",
    holder: "The one-off task of the capture method `task` has it, for some seconds a deployment.",
    reasons: {
      "elasticfilesystem:ClientMount": "It reads the token files; without ClientWrite it can't change them.",
      "secretsmanager:PutSecretValue": "It stores the tokens, so that they don't pass through the function.",
      "kms:Decrypt kms:GenerateDataKey": "It writes secrets that are encrypted with a customer managed key.",
    },
  },
  {
    role: /^TokenCaptureTaskDefinitionExecutionRole$/,
    title: "Capture task, before it starts",
    holder: "ECS has it, not the container.",
    reasons: { [LOG]: EXECUTION[LOG] },
  },
  {
    role: /^PollerRole$/,
    title: "Poller",
    holder: "The function has it, once a minute, within the VPC.",
    reasons: {
      [LOG]: "The function writes its own log.",
      [NETWORK_INTERFACES]:
        "Lambda gives the function its place in the VPC; interfaces have no ARN before they exist.",
      [`deny:${NETWORK_INTERFACES}`]: "The function's own code must not do what only Lambda needs.",
      "secretsmanager:GetSecretValue": "It reads the token that may only read metrics.",
      "kms:Decrypt": "Its token may be encrypted with a customer managed key.",
      "ecs:DescribeServices": "It counts the tasks of this stage's services.",
      "cloudwatch:PutMetricData":
        "It publishes; the action knows no resource, and is bound to one namespace.",
    },
    unused: { [LOG]: INSIDE_LAMBDA, [NETWORK_INTERFACES]: INSIDE_LAMBDA },
  },
  {
    role: /^HoursRole$/,
    title: "Working hours",
    holder: "EventBridge Scheduler has it, for the schedules of this stage, where the settings have `hours`.",
    reasons: {
      "ecs:UpdateService": "It sets the number of tasks of this stage's services, to 0 and back.",
      "events:DisableRule events:EnableRule": "It stops and starts the one rule that runs the poller.",
      "cloudwatch:DisableAlarmActions cloudwatch:EnableAlarmActions":
        "This stage's alarms send no messages while it is stopped.",
      "cloudwatch:SetAlarmState":
        "Alarms that keep their state without polls begin the next day as OK, so that they can ring.",
    },
  },
  {
    role: /^ApplyRole$/,
    title: "Function that takes changed values to the tasks",
    holder:
      "The function has it, every five minutes and after a change. It reads the text of configurations, and no value of a secret.",
    reasons: {
      [LOG]: "The function writes its own log.",
      "ecs:DescribeServices":
        "It sees which task definition is deployed, and whether ECS is replacing tasks.",
      "ecs:ListTasks":
        "It finds the tasks of a service; the action knows no resource but takes the cluster as a condition.",
      "ecs:DescribeTasks": "It sees when the tasks were created, which is when they got their values.",
      "ecs:DescribeTaskDefinition":
        "It sees which values a service reads; the action knows no resource, and the answer holds no secret.",
      "ecs:UpdateService": "It has ECS replace the tasks of this stage's services.",
      "secretsmanager:ListSecretVersionIds":
        "It sees when a secret that the tasks read got its value, which it can't read.",
      "ssm:GetParameter ssm:GetParameterHistory":
        "It checks the text of a configuration, and compares it with the one that the server was started with.",
      "ssm:GetParameter ssm:PutParameter":
        "It keeps in one parameter what it refused and what did not succeed, so that it tells and tries each once.",
      "kms:Decrypt":
        "A configuration may be encrypted with a customer managed key; used by way of SSM alone.",
      "sns:Publish": "It tells the receivers of alarms what it refused, and which tasks did not start.",
      "kms:Decrypt kms:GenerateDataKey": "The topic is encrypted with a customer managed key.",
    },
    unused: {
      [LOG]: INSIDE_LAMBDA,
      "kms:Decrypt kms:GenerateDataKey": "SNS uses them, which on the local stage is inside the emulator.",
    },
  },
  {
    role: /^TokenCheckRole$/,
    title: "Check of the tokens",
    holder:
      "The function has it, once a day, within the VPC; with `tokens.rotateAfterDays` once an hour. Whoever takes it over has the administrator's token.",
    reasons: {
      [LOG]: "The function writes its own log.",
      [NETWORK_INTERFACES]:
        "Lambda gives the function its place in the VPC; interfaces have no ARN before they exist.",
      [`deny:${NETWORK_INTERFACES}`]: "The function's own code must not do what only Lambda needs.",
      "secretsmanager:DescribeSecret secretsmanager:GetSecretValue":
        "It asks the server for each token of this stage, and sees how old the token is.",
      "secretsmanager:PutSecretValue secretsmanager:UpdateSecretVersionStage":
        "With a rotation: it stores the new token as the pending version, and makes it the current one.",
      "kms:Decrypt": "The tokens may be encrypted with a customer managed key.",
      "kms:Decrypt kms:GenerateDataKey":
        "With a rotation, it also writes secrets that are encrypted with a customer managed key.",
      "ecs:DescribeServices":
        "It leaves a stage alone whose server was stopped, and with a rotation waits for new tasks.",
      "ecs:UpdateService":
        "With a rotation: it replaces the tasks of an agent, which read their token when they start.",
      "ecs:ListTasks":
        "With a rotation: it finds the new tasks; the action knows no resource but takes the cluster as a condition.",
      "ecs:DescribeTasks": "With a rotation: it sees that the new tasks are healthy.",
      "cloudwatch:PutMetricData":
        "It publishes; the action knows no resource, and is bound to one namespace.",
    },
    unused: { [LOG]: INSIDE_LAMBDA, [NETWORK_INTERFACES]: INSIDE_LAMBDA },
  },
  {
    role: /^NetworkVpcRefusedConnectionsIAMRole$/,
    title: "Flow log",
    holder: "VPC has it, where the stage makes its own network.",
    reasons: {
      "logs:CreateLogStream logs:DescribeLogStreams logs:PutLogEvents":
        "VPC writes refused connections into their log group.",
    },
    unused: {
      "logs:CreateLogStream logs:DescribeLogStreams logs:PutLogEvents": "The local stage has no flow logs.",
    },
  },
];
