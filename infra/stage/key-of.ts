import type { AccountFacts, StageSettings } from "@dbward-aws/settings";

/**
 * The ARN of the customer managed key of a secret, parameter or bucket that a person made; `undefined` for a
 * key of AWS.
 */
export type KeyOf = (nameOrArn: string) => string | undefined;

/** What settings and facts say of keys. The settings have precedence. */
export function keysOf(settings: StageSettings, facts: AccountFacts | undefined): KeyOf {
  return (name) => settings.encryption.keys[name] ?? facts?.keys?.[name];
}
