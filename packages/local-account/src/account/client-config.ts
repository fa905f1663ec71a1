import type { Credentials } from "./credentials.ts";
import { type AccountAccess, LOCAL_REGION } from "./environment.ts";

/** Constructor argument of every SDK client of the emulated account. */
export interface ClientConfig {
  readonly region: string;
  readonly endpoint: string;
  readonly credentials: Credentials;
}

export function clientConfig({ endpoint, credentials }: AccountAccess): ClientConfig {
  return { region: LOCAL_REGION, endpoint, credentials };
}
