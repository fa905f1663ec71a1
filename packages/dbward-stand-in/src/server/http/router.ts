import type { IncomingMessage } from "node:http";
import type { z } from "zod";
import type { Permission } from "../config/roles.ts";
import { forbidden, forbiddenBecause, type Reply } from "./answer.ts";
import { type BodyRules, readBody, readQuery } from "./body.ts";
import type { Caller } from "./caller.ts";

/** A call that has come through to its route. */
export interface Call<Body = undefined, Query = undefined> {
  readonly caller: Caller;
  /** What stands for `{name}` in the path. */
  readonly path: Readonly<Record<string, string>>;
  readonly body: Body;
  readonly query: Query;
  /** Address that it came from. */
  readonly peer: string | undefined;
}

/** One method of one path. */
export interface Route<Body = undefined, Query = undefined> {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With `{name}` for a part that varies. */
  readonly path: string;
  /** `anyone` needs no token, `agent` an agent's. @default "user" */
  readonly by?: "anyone" | "agent" | "user";
  /** What one of the caller's roles must allow. */
  readonly permission?: Permission;
  readonly body?: BodyRules<Body>;
  readonly query?: z.ZodType<Query>;
  readonly answer: (call: Call<Body, Query>) => Reply | Promise<Reply>;
}

/** A route, with the types of its body and query hidden. */
export type AnyRoute = Route<never, never>;

/** Gives the types of a route's body and query to its answer. */
export function route<Body = undefined, Query = undefined>(definition: Route<Body, Query>): AnyRoute {
  return definition as unknown as AnyRoute;
}

/** What {@link Router.find} found for a path. */
export interface Found {
  /** Pattern of the path. */
  readonly pattern: string;
  readonly path: Readonly<Record<string, string>>;
  readonly route: AnyRoute | undefined;
  /** Methods that the path has, as in the header `allow`. */
  readonly allow: string;
  /** Whether no token is needed. */
  readonly open: boolean;
}

/** All routes, by path. */
export class Router {
  readonly #paths: { readonly pattern: string; readonly regex: RegExp; readonly routes: AnyRoute[] }[] = [];

  constructor(routes: readonly AnyRoute[]) {
    for (const each of routes) {
      const known = this.#paths.find(({ pattern }) => pattern === each.path);
      if (known) known.routes.push(each);
      else this.#paths.push({ pattern: each.path, regex: regexOf(each.path), routes: [each] });
    }
  }

  /** The route of a method and a path, `HEAD` being `GET`; undefined when there is no such path. */
  find(method: string, pathname: string): Found | undefined {
    for (const { pattern, regex, routes } of this.#paths) {
      const match = regex.exec(pathname);
      const path = match && decoded(match.groups ?? {});
      if (!path) continue;
      const wanted = method === "HEAD" ? "GET" : method;
      return {
        pattern,
        path,
        route: routes.find((each) => each.method === wanted),
        allow: routes.flatMap((each) => (each.method === "GET" ? ["GET", "HEAD"] : [each.method])).join(","),
        open: routes.every((each) => each.by === "anyone"),
      };
    }
    return undefined;
  }
}

/** Reads what a call carries, looks whether its caller may, and lets the route answer. @throws Refusal */
export async function answer(
  route: AnyRoute,
  request: IncomingMessage,
  call: Omit<Call, "body" | "query"> & { readonly parameters: URLSearchParams },
): Promise<Reply> {
  const query = route.query && readQuery(call.parameters, route.query as z.ZodType<unknown>);
  const body = route.body && (await readBody(request, route.body as BodyRules<unknown>));
  if (route.by === "agent" && call.caller.subjectType !== "agent")
    throw forbiddenBecause("agent token required");
  if (route.permission !== undefined && !call.caller.may(route.permission)) throw forbidden();
  return (route as unknown as Route<unknown, unknown>).answer({ ...call, body, query });
}

function regexOf(pattern: string): RegExp {
  return new RegExp(`^${pattern.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`);
}

function decoded(groups: Record<string, string>): Record<string, string> | undefined {
  try {
    return Object.fromEntries(Object.entries(groups).map(([name, text]) => [name, decodeURIComponent(text)]));
  } catch {
    return undefined;
  }
}
