import { asFields, asList, isObject } from "./unknown-values.ts";

export const PRESET_NAMES = ["dev"] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

/** What a preset gives a setting that is left out. */
export interface PresetValue {
  /** Path of the setting in a stage; `agents[].cpu` is that of each agent. */
  readonly setting: string;
  readonly value: unknown;
  readonly because: string;
  /** Settings beside which the value would make no sense: with one of them it is not used. @default - none */
  readonly unless?: readonly string[];
}

/** The presets. docs/settings.md shows them. */
export const PRESETS: Readonly<Record<PresetName, readonly PresetValue[]>> = {
  dev: [
    {
      setting: "hours",
      value: {},
      because:
        'Runs MON to FRI 08:00-19:00 UTC. Name your time zone: `hours: { timeZone: "Europe/Berlin" }`.',
    },
    {
      setting: "network.egress",
      value: "public",
      unless: ["network.vpcId", "network.subnets"],
      because:
        "No NAT gateways. Tasks have public addresses, and security groups that admit nothing from the internet. In a VPC of your own its " +
        "way out is used.",
    },
    {
      setting: "server.cpu",
      value: 256,
      unless: ["server.memoryMiB"],
      because: "Half of the default, enough for some people.",
    },
    {
      setting: "server.memoryMiB",
      value: 512,
      unless: ["server.cpu"],
      because: "Half of the default.",
    },
    {
      setting: "backup.daily",
      value: false,
      unless: ["backup.startHour"],
      because: "Users and tokens of an experiment can be made again.",
    },
    { setting: "server.logRetentionDays", value: 7, because: "Half of the default." },
    {
      setting: "agents[].capacityProvider",
      value: "FARGATE_SPOT",
      because: "Up to 70 % cheaper. AWS may stop an agent, and with it a running statement.",
    },
    { setting: "agents[].logRetentionDays", value: 7, because: "Half of the default." },
    {
      setting: "monitoring.level",
      value: "essential",
      because: "The default as well: only what reports an outage.",
    },
    {
      setting: "monitoring.publisher",
      value: "emf",
      because: "The poller needs one VPC endpoint fewer.",
    },
    { setting: "terminationProtection", value: false, because: "`pnpm sst remove` removes it." },
  ],
};

/**
 * A stage with the values of its preset where it has none of its own.
 *
 * @param stage of any form; without a known preset it is returned as it is
 */
export function withPreset(stage: unknown): unknown {
  const name = PRESET_NAMES.find((each) => each === asFields(stage).preset);
  if (name === undefined) return stage;
  return PRESETS[name].reduce((before, { setting, value, unless = [] }) => {
    const isTaken = unless.some((path) => valueAt(stage, path.split(".")) !== undefined);
    return isTaken ? before : withDefault(before, setting.split("."), value);
  }, stage);
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce((at, key) => asFields(at)[key], value);
}

/** A copy with `value` at the path; unchanged when something is there, or a parent is not an object. */
function withDefault(parent: unknown, [key = "", ...rest]: readonly string[], value: unknown): unknown {
  if (!isObject(parent)) return parent;
  const fields = asFields(parent);
  if (key.endsWith("[]")) {
    const list = key.slice(0, -2);
    if (!Array.isArray(fields[list])) return parent;
    return { ...fields, [list]: asList(fields[list]).map((item) => withDefault(item, rest, value)) };
  }
  if (rest.length === 0) return fields[key] === undefined ? { ...fields, [key]: value } : parent;
  return { ...fields, [key]: withDefault(fields[key] ?? {}, rest, value) };
}
