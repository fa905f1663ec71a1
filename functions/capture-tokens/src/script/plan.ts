import { SERVER } from "@dbward-aws/contract";
import type { CaptureRequest, Token } from "../request.ts";
import { quoteWord } from "./shell.ts";

/** What a script in the container does. Its lines name a token by its index in `request.tokens`. */
export interface Plan {
  readonly request: CaptureRequest;
  /** CloudFormation's id of the request. */
  readonly requestId: string;
  /** Tokens whose secrets are empty. */
  readonly missing: ReadonlySet<Token>;
  /** Seconds to wait for the server's API. */
  readonly patienceSeconds: number;
}

/** Tries of `await_server` each second. */
const TRIES_A_SECOND = 5;

/** Variables that the shared functions read. */
export function variables({ request, patienceSeconds }: Plan, serverUrl: string): string {
  const { StateDirectory } = request.properties;
  return `url=${quoteWord(serverUrl)} state=${quoteWord(StateDirectory)} tries=${Math.ceil(patienceSeconds * TRIES_A_SECOND)}`;
}

/** Calls that read and create the missing tokens, files first. */
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
  const readsAdmin = wanted.some(
    ([, { source }]) => source.kind === "file" && source.file === SERVER.adminTokenFile,
  );
  return [
    // The administrator's token creates the others, whether it is stored already or not.
    `load ${SERVER.adminTokenFile}; admin=$v`,
    ...(readsAdmin ? [] : ['known=" $admin "']),
    ...files,
    ...mints,
  ];
}
