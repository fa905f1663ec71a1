import { devNull } from "node:os";
import { delimiter, dirname } from "node:path";
import { LOCAL_REGION } from "@dbward-aws/contract";
import type { Credentials } from "./index.ts";

export { LOCAL_REGION };

/** Where the emulated account is, and the keys that it takes. */
export interface AccountAccess {
  /** Of this run: AWS does not know them, so that a call that strays there is refused. */
  readonly credentials: Credentials;
  /** An IP, not `localhost`: the SDK then addresses buckets by path, and no DNS is needed. */
  readonly endpoint: string;
}

/**
 * The environment of the tools that work on the emulated account: that of this process without any AWS
 * setting (a profile or an endpoint of the user's would lead elsewhere), with ours instead.
 */
export function localEnvironment(
  access: AccountAccess,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return onAccount(
    inherited((name) => !name.startsWith("AWS_") && !NOT_INHERITED.test(name)),
    access,
    more,
  );
}

/**
 * The environment of the emulated account, which its functions inherit: of this process only what is about
 * the machine. A function in AWS doesn't see its developer's shell.
 */
export function emulatorEnvironment(
  access: AccountAccess,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return onAccount(
    inherited((name) => OF_THE_MACHINE.test(name)),
    access,
    more,
  );
}

/** Addresses and keys of the emulated account, in the variables that every AWS SDK reads. */
export function accountVariables({ endpoint, credentials }: AccountAccess): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: LOCAL_REGION,
    AWS_DEFAULT_REGION: LOCAL_REGION,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
}

function onAccount(
  inherited: Readonly<Record<string, string>>,
  access: AccountAccess,
  more: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    ...inherited,
    PATH: [dirname(process.execPath), inherited.PATH ?? ""].join(delimiter),
    ...accountVariables(access),
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
    ...more,
  };
}

function inherited(isWanted: (name: string) => boolean): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    ([name, value]) => value !== undefined && isWanted(name),
  );
  return Object.fromEntries(entries) as Record<string, string>;
}

/**
 * Options of the process that runs us, not of those that we run; and proxies: all addresses are on this
 * machine.
 */
const NOT_INHERITED = /^(NODE_(OPTIONS|ENV|PATH)|(https?|all|no)_proxy)$/i;
const OF_THE_MACHINE = /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_.*|TZ|TMPDIR|LD_LIBRARY_PATH)$/;
