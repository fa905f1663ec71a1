import { devNull } from "node:os";
import { delimiter, dirname } from "node:path";

/** Region of the emulated account. */
export const LOCAL_REGION = "us-east-1";
/** Keys that only the emulated account takes: a call that strays to AWS is refused there. */
export const LOCAL_CREDENTIALS = { accessKeyId: "local", secretAccessKey: "local" } as const;

/** Where the APIs of the emulated account are. */
export interface Endpoints {
  /** Every service but ECS. An IP, not `localhost`: the SDK then addresses buckets by path, and no DNS is needed. */
  readonly endpoint: string;
  /** ECS, with what is really running laid over the emulator's records. */
  readonly ecsEndpoint: string;
}

/**
 * The environment of everything that talks to the emulated account: that of this process without any AWS setting
 * (a profile or an endpoint of the user's would lead elsewhere), with ours instead.
 */
export function localEnvironment(
  { endpoint, ecsEndpoint }: Endpoints,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const inherited: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !name.startsWith("AWS_") && !NOT_INHERITED.has(name)) inherited[name] = value;
  }
  return {
    ...inherited,
    PATH: [dirname(process.execPath), inherited.PATH ?? ""].join(delimiter),
    AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
    AWS_REGION: LOCAL_REGION,
    AWS_DEFAULT_REGION: LOCAL_REGION,
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_ECS: ecsEndpoint,
    ...more,
  };
}

/** Options of the process that runs us, not of those that we run. */
const NOT_INHERITED: ReadonlySet<string> = new Set(["NODE_OPTIONS", "NODE_ENV", "NODE_PATH"]);
