import { SERVER } from "@dbward-aws/contract";
import type { CaptureRequest, Token } from "../request.ts";

/** What a script in the container is to do. Its lines name a token by its index in `request.tokens`. */
export interface Plan {
  readonly request: CaptureRequest;
  /** Tokens whose secrets are empty. */
  readonly missing: ReadonlySet<Token>;
  /** Seconds to wait for the server's API. */
  readonly patienceSeconds: number;
}

/** Tries of `await_server` a second. */
const TRIES_A_SECOND = 5;

/** Variables that the shared functions read. */
export function variables({ request, patienceSeconds }: Plan, serverUrl: string): string {
  return `url=${serverUrl} state=${request.properties.StateDirectory} tries=${patienceSeconds * TRIES_A_SECOND}`;
}

/** Calls that read and mint what is missing, files first. */
export function captureCalls({ request, missing }: Plan): string[] {
  const indexed = [...request.tokens.entries()];
  const wanted = indexed.filter(([, token]) => missing.has(token));
  const files = wanted.flatMap(([index, { source }]) =>
    source.kind === "file" ? [`file ${index} ${source.file}`] : [],
  );
  const mints = wanted.flatMap(([index, { source }]) => {
    if (source.kind === "user") return [`mint user ${index} ${source.user} ${source.role}`];
    return source.kind === "agent" ? [`mint agent ${index} ${source.agent}`] : [];
  });
  // The administrator's token mints the others, whether it is stored already or not.
  return mints.length > 0 ? [...files, `load ${SERVER.adminTokenFile}; admin=$v`, ...mints] : files;
}

/** Names under which a script may keep minted tokens until they are stored. */
export function keptNames({ missing }: Plan): string[] {
  return [...missing].flatMap(({ source }) => {
    if (source.kind === "user") return [`user-${source.user}`];
    return source.kind === "agent" ? [`agent-${source.agent}`] : [];
  });
}
