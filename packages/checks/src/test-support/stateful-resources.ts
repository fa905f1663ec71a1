import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
// The package is CommonJS, with a database that it reads when it is asked for.
const { loadAwsServiceSpecSync } =
  require("@aws-cdk/aws-service-spec") as typeof import("@aws-cdk/aws-service-spec");

/** What holds data, secrets or a name by which others find the server. */
const STATEFUL_TYPES = [
  "AWS::EFS::FileSystem",
  "AWS::EFS::AccessPoint",
  "AWS::S3::Bucket",
  "AWS::SecretsManager::Secret",
  "AWS::KMS::Key",
  "AWS::ECS::Cluster",
  "AWS::ECS::Service",
  "AWS::ServiceDiscovery::PrivateDnsNamespace",
  "AWS::ServiceDiscovery::Service",
] as const;

/** A resource of a template. */
export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}
export type Resources = Readonly<Record<string, Resource>>;

const spec = loadAwsServiceSpecSync();
const known = new Map<string, ReadonlySet<string>>();

/**
 * The properties of a type whose change makes CloudFormation replace the resource, as its specification says.
 */
export function replacingProperties(type: string): ReadonlySet<string> {
  let found = known.get(type);
  if (found === undefined) {
    const [resource] = spec.lookup("resource", "cloudFormationType", "equals", type);
    if (resource === undefined) throw new Error(`${type} is not in the specification`);
    found = new Set(
      Object.entries(resource.properties)
        .filter(([, { causesReplacement = "no" }]) => causesReplacement !== "no")
        .map(([name]) => name),
    );
    known.set(type, found);
  }
  return found;
}

/**
 * Stateful resources of `before` that an update to `after` replaces or deletes, as `TYPE LOGICAL-ID: why`.
 *
 * @param before the resources of one stack
 */
export function lostResources(before: Resources, after: Resources): string[] {
  return Object.entries(before).flatMap(([id, { Type }]) => {
    if (!(STATEFUL_TYPES as readonly string[]).includes(Type)) return [];
    const why = reasonOf(id, before, after);
    return why === undefined ? [] : [`${Type} ${id}: ${why}`];
  });
}

/** @param seen resources that are looked at already: references don't go in circles */
function reasonOf(
  id: string,
  before: Resources,
  after: Resources,
  seen: readonly string[] = [],
): string | undefined {
  const [old, next] = [before[id], after[id]];
  if (old === undefined || seen.includes(id)) return undefined;
  if (next === undefined || next.Type !== old.Type) return "deleted";
  for (const name of replacingProperties(old.Type)) {
    const [was, is] = [old.Properties?.[name], next.Properties?.[name]];
    if (JSON.stringify(was) !== JSON.stringify(is)) return `${name} changes`;
    for (const other of referencesIn(was))
      if (reasonOf(other, before, after, [...seen, id]) !== undefined) return `${name} changes with ${other}`;
  }
  return undefined;
}

/** Logical ids in `Ref` and `Fn::GetAtt`. */
function referencesIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const { Ref, "Fn::GetAtt": attribute } = value as Record<string, unknown>;
  if (typeof Ref === "string") return [Ref];
  if (Array.isArray(attribute)) return [String(attribute[0])];
  return Object.values(value).flatMap(referencesIn);
}
