import type { IncomingHttpHeaders } from "node:http";

/** A right that a call needs. */
export interface Need {
  /** Such as `ecs:RunTask`. */
  readonly action: string;
  /** ARN, or `*` for an action that knows no resource. */
  readonly resource: string;
  /** Condition keys of the request. @default - none beside those that every request has */
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

/** A call of an API, parsed without knowledge of the service. */
export interface Call {
  /** Name of the service in the signature, such as `monitoring`. */
  readonly service: string;
  /** Such as `PutMetricData`; `undefined` for a service whose operations differ by method and path alone. */
  readonly operation: string | undefined;
  /** Parameters of the JSON or the query protocol. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly method: string;
  /** Decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly place: Place;
}

/** Where the resources of a call are. */
export interface Place {
  readonly region: string;
  readonly account: string;
}

/** What a call doesn't say of the resources that it names, and the emulated account does. */
export interface Account {
  /** @param id name or ARN @returns `undefined` when there is no such secret */
  secret(id: string): Promise<{ readonly arn: string; readonly key: string | undefined } | undefined>;
  /** Key of a parameter that is encrypted with the customer's own. @param name without its ARN */
  parameterKey(name: string): Promise<string | undefined>;
  /** The bucket's default encryption key, when it is a customer managed one. */
  bucketKey(bucket: string): Promise<string | undefined>;
  /** ARN and roles of a task definition. @param id family, `family:revision` or ARN */
  taskDefinition(
    id: string,
  ): Promise<{ readonly arn: string; readonly roles: readonly string[] } | undefined>;
}

/** Works out which rights an operation needs. @returns `undefined` for one that it doesn't know */
export type NeedsOf = (call: Call, account: Account) => Promise<readonly Need[] | undefined>;

/**
 * Parses a call by the protocol that its headers name: JSON with a target, or a query in the address or in
 * the body.
 *
 * @param url with its query
 */
export function readCall(
  service: string,
  place: Place,
  request: { readonly method: string; readonly url: string; readonly headers: IncomingHttpHeaders },
  body: Buffer,
): Call {
  const { method, url, headers } = request;
  const { pathname, searchParams: query } = new URL(url, "http://account");
  const call = { service, method, path: decoded(pathname), query, headers, body, place };
  const target = headers["x-amz-target"]?.toString();
  if (target !== undefined) return { ...call, operation: target.split(".").at(-1), input: json(body) };
  const form = headers["content-type"]?.startsWith("application/x-www-form-urlencoded");
  const parameters = new URLSearchParams(form ? body.toString() : query);
  return {
    ...call,
    operation: parameters.get("Action") ?? undefined,
    input: Object.fromEntries(parameters),
  };
}

/** @returns a parameter that is text */
export function text(call: Pick<Call, "input">, name: string): string | undefined {
  const value = call.input[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** @returns the texts of a parameter that is a list */
export function texts(call: Pick<Call, "input">, name: string): readonly string[] {
  const value = call.input[name];
  return Array.isArray(value) ? value.map(String) : [];
}

/** ARN of a resource in the region and account of the call. */
export function arnOf({ region, account }: Place, service: string, resource: string): string {
  return `arn:aws:${service}:${region}:${account}:${resource}`;
}

/** Use of a key that a service makes on the caller's behalf. */
export function keyNeed(
  place: Place,
  action: "kms:Decrypt" | "kms:GenerateDataKey",
  key: string,
  service: string,
  encryptionContext: readonly [key: string, value: string],
): Need {
  const [name, value] = encryptionContext;
  return {
    action,
    resource: key.startsWith("arn:") ? key : arnOf(place, "kms", key.includes("/") ? key : `key/${key}`),
    context: {
      "kms:ViaService": `${service}.${place.region}.amazonaws.com`,
      "kms:CallerAccount": place.account,
      [`kms:EncryptionContext:${name}`]: value,
      "kms:EncryptionContextKeys": [name],
    },
  };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function json(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {}; // the service that answers the call reports the mistake
  }
}
