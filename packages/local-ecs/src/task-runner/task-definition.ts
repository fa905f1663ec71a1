/** One container of a task definition: what the runner needs of it. */
export interface ContainerDefinition {
  readonly name: string;
  readonly image: string;
  /** Its end is the end of the task. @default true */
  readonly essential?: boolean;
  readonly entryPoint?: readonly string[];
  readonly command?: readonly string[];
  readonly workingDirectory?: string;
  readonly environment?: readonly { readonly name: string; readonly value: string }[];
  readonly secrets?: readonly { readonly name: string; readonly valueFrom: string }[];
  readonly mountPoints?: readonly {
    readonly sourceVolume: string;
    readonly containerPath: string;
    readonly readOnly?: boolean;
  }[];
  readonly portMappings?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly healthCheck?: HealthCheckDefinition;
  readonly logConfiguration?: {
    readonly logDriver: string;
    readonly options?: Readonly<Record<string, string>>;
  };
  /** Seconds between SIGTERM and SIGKILL. @default 30 */
  readonly stopTimeout?: number;
}

/** `HealthCheck` of a container; times in seconds. */
export interface HealthCheckDefinition {
  /** `CMD-SHELL` and a line for the shell, or `CMD` and the words of a command. */
  readonly command: readonly string[];
  /** @default 30 */
  readonly interval?: number;
  /** @default 5 */
  readonly timeout?: number;
  /** @default 3 */
  readonly retries?: number;
  /** Failures in this time after the start don't count. @default 0 */
  readonly startPeriod?: number;
}

export interface VolumeDefinition {
  readonly name: string;
  readonly efsVolumeConfiguration?: {
    readonly fileSystemId: string;
    readonly rootDirectory?: string;
    /** @default "DISABLED" */
    readonly transitEncryption?: "ENABLED" | "DISABLED";
    /** Whether the task's role is shown to the file system. @default "DISABLED" */
    readonly authorizationConfig?: { readonly accessPointId?: string; readonly iam?: "ENABLED" | "DISABLED" };
  };
}

export interface TaskDefinition {
  readonly taskDefinitionArn: string;
  readonly family: string;
  /** ARN of the role that the containers have. */
  readonly taskRoleArn?: string;
  /** ARN of the role that ECS has while it starts the task. */
  readonly executionRoleArn?: string;
  readonly containerDefinitions: readonly ContainerDefinition[];
  readonly volumes: readonly VolumeDefinition[];
}

/**
 * Reads a task definition in the API's spelling, in CloudFormation's (`HealthCheck`, `FilesystemId`), or, as
 * the emulator keeps it, in a mixture of both.
 */
export function readTaskDefinition(record: object): TaskDefinition {
  const definition = inCamelCase(record) as Partial<TaskDefinition>;
  return {
    taskDefinitionArn: definition.taskDefinitionArn ?? "",
    family: definition.family ?? "",
    ...(definition.taskRoleArn ? { taskRoleArn: definition.taskRoleArn } : {}),
    ...(definition.executionRoleArn ? { executionRoleArn: definition.executionRoleArn } : {}),
    containerDefinitions: definition.containerDefinitions ?? [],
    volumes: definition.volumes ?? [],
  };
}

function inCamelCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inCamelCase);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const name = SPECIAL_NAMES.get(key.toLowerCase()) ?? key.charAt(0).toLowerCase() + key.slice(1);
      if (MAPS.has(name)) return [name, member];
      if (name === "readOnly") return [name, String(member) === "true"];
      if (NUMBERS.has(name)) return [name, Number(member)];
      return [name, inCamelCase(member)];
    }),
  );
}

const SPECIAL_NAMES: ReadonlyMap<string, string> = new Map([
  ["efsvolumeconfiguration", "efsVolumeConfiguration"],
  ["filesystemid", "fileSystemId"],
  ["iam", "iam"],
]);
/** Their keys are the user's. */
const MAPS: ReadonlySet<string> = new Set(["options", "dockerLabels", "driverOpts", "labels"]);
/** CloudFormation may hand numbers on as text. */
const NUMBERS: ReadonlySet<string> = new Set([
  "interval",
  "timeout",
  "retries",
  "startPeriod",
  "stopTimeout",
  "containerPort",
]);
