import { displayText } from "@dbward-aws/core";
import type { ServiceView } from "@dbward-aws/local-ecs";
import { itemsOf, readStage, type StageClients } from "@dbward-aws/stage";

/**
 * What `pnpm local status --json` prints: a contract for tests and scripts. It never carries a token.
 */
export interface StageStatus {
  readonly stage: string;
  /** The emulated account's endpoint: `AWS_ENDPOINT_URL`. */
  readonly endpoint: string;
  /** URL of dbward's server; it answers once it is deployed. */
  readonly serverUrl: string;
  readonly stacks: readonly { readonly name: string; readonly status: string }[];
  readonly services: readonly ServiceStatus[];
  readonly secrets: readonly SecretStatus[];
  /** Newest value of each metric that has one, of the last 15 minutes. */
  readonly metrics: Readonly<Record<string, { readonly value: number; readonly timestamp: string }>>;
  readonly alarms: readonly { readonly name: string; readonly state: string }[];
  /** URL of the dashboard page; `null` while none is served. */
  readonly dashboardUrl: string | null;
}

/** An ECS service and what really runs of it. */
export interface ServiceStatus {
  readonly name: string;
  readonly desired: number;
  readonly running: number;
  /** The container's command, as one line. */
  readonly command: string;
  /** What stands for dbward here: the path of a real binary, or the stand-in. */
  readonly implementation: string;
}

/** A token's secret. */
export interface SecretStatus {
  readonly name: string;
  /** Whether it has a value. */
  readonly captured: boolean;
  /** Version that is current; `null` while it has none. */
  readonly versionId: string | null;
}

/** What the status is read from. */
export interface StatusSources {
  readonly stage: string;
  readonly endpoint: string;
  readonly serverUrl: string;
  readonly clients: StageClients;
  /** Of the whole account. */
  readonly services: () => readonly ServiceView[];
  readonly dashboardUrl?: string | undefined;
}

/**
 * Reads the whole status. Values of secrets stay where they are read.
 *
 * @throws Error when the account can't be asked
 */
export async function readStatus(sources: StatusSources): Promise<StageStatus> {
  const { stage, endpoint, serverUrl } = sources;
  const view = await readStage(sources.clients, { stage });
  for (const part of [view.stacks, view.tokens, view.metrics, view.alarms])
    if ("error" in part) throw new Error(part.error);
  const own = new Set(itemsOf(view.services).map(({ service }) => service));
  const services = sources
    .services()
    .filter(({ cluster, name }) => cluster === view.cluster && own.has(name))
    .map(({ cluster: _, command, ...service }) => ({ ...service, command: displayText(command) }));
  return {
    stage,
    endpoint,
    serverUrl,
    stacks: itemsOf(view.stacks)
      .filter(({ status }) => status !== "missing")
      .map(({ name, status }) => ({ name, status })),
    services,
    secrets: itemsOf(view.tokens)
      .filter(({ state }) => state !== "missing")
      .map(({ secret, state, versionId = null }) => ({
        name: secret,
        captured: state === "captured",
        versionId,
      }))
      .sort((a, b) => a.name.localeCompare(b.name)),
    metrics: Object.fromEntries(
      itemsOf(view.metrics).map(({ name, value, at }) => [
        name,
        { value, timestamp: new Date(at).toISOString() },
      ]),
    ),
    alarms: itemsOf(view.alarms).map(({ name, state }) => ({ name, state })),
    dashboardUrl: sources.dashboardUrl ?? null,
  };
}
