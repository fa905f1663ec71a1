import type { IncomingMessage } from "node:http";

/** Why a request is turned away. */
export interface Refusal {
  readonly status: 403 | 405;
  readonly reason: string;
}

/**
 * Whether a request comes from this page or from a person's address bar.
 *
 * A page of any web site can make a browser send requests to 127.0.0.1. A name that an attacker rebinds to that address
 * shows in `Host`; a script of another site shows in `Origin` or `Sec-Fetch-Site`.
 */
export function refusal(request: IncomingMessage, port: number): Refusal | undefined {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`];
  const { host, origin } = request.headers;
  if (request.method !== "GET" && request.method !== "HEAD")
    return { status: 405, reason: "This page only reads." };
  if (host === undefined || !hosts.includes(host.toLowerCase()))
    return { status: 403, reason: "The Host header does not name this server." };
  if (origin !== undefined && !hosts.some((known) => origin.toLowerCase() === `http://${known}`))
    return { status: 403, reason: "The request comes from another site." };
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none" && !isNavigation(request))
    return { status: 403, reason: "The request comes from another site." };
  return undefined;
}

/** A link on another page may lead here: it shows the page to the person, and its answer to no script. */
function isNavigation(request: IncomingMessage): boolean {
  return request.headers["sec-fetch-mode"] === "navigate" && request.headers["sec-fetch-dest"] === "document";
}
