import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { foreignRequest } from "@dbward-aws/core";
import type { Log } from "../../log.ts";
import { VERSION } from "../../version.ts";
import type { App } from "../app/app.ts";
import { Refusal, type Reply } from "./answer.ts";
import { authenticate } from "./authenticate.ts";
import { Caller } from "./caller.ts";
import { answer, type Router } from "./router.ts";

/** Who calls where no token is asked for. */
const NOBODY = new Caller("anonymous", "user", [], []);

/** An HTTP server that answers by routes. What a call has changed is written before it is answered. */
export function createListener(app: App, router: Router, log: Log): Server {
  return createServer(async (request, response) => {
    const started = performance.now();
    const method = request.method ?? "GET";
    // The real server runs in a VPC; this one shares a machine with a browser.
    // Agents may come by an address that stands for the server's, such as those of the local stage.
    const foreign = foreignRequest(request, "any", { pages: false });
    if (foreign !== undefined) return send(response, { status: 403, text: foreign });
    const { pathname, searchParams } = urlOf(request);
    const found = router.find(method, pathname);
    const reply = await settle(
      async () => {
        app.store.refresh();
        const peer = request.socket.remoteAddress;
        const caller = found?.open
          ? NOBODY
          : authenticate(app, request.headers.authorization, pathname, peer);
        if (!found) return { status: 404 };
        const { route, path, allow } = found;
        if (!route) return { status: 405, headers: { allow } };
        return answer(route, request, { caller, path, peer, parameters: searchParams });
      },
      app,
      request,
      log,
    );
    app.metrics.called(
      method,
      found?.pattern ?? "<unmatched>",
      reply.status,
      (performance.now() - started) / 1_000,
    );
    send(response, reply);
  });
}

/**
 * Joined, not resolved: `//` is a path here, not another host. What is no path, such as `*`, is one that
 * nobody has.
 */
function urlOf({ url = "/" }: IncomingMessage): URL {
  const text = `http://server${url}`;
  return url.startsWith("/") && URL.canParse(text) ? new URL(text) : new URL("http://server/%00");
}

/** Does the work, and writes what it has changed, also when it ended with a refusal. */
async function settle(
  work: () => Promise<Reply>,
  app: App,
  request: IncomingMessage,
  log: Log,
): Promise<Reply> {
  try {
    const reply = await work().catch((error: unknown) => {
      if (error instanceof Refusal) return error.reply;
      throw error;
    });
    await app.store.written();
    return reply;
  } catch (error) {
    log("ERROR", "request failed", { method: request.method, path: request.url, error: String(error) });
    return { status: 500, json: { error: "internal server error", code: "internal_error" } };
  }
}

function send(response: ServerResponse, { status, json, text, type, headers }: Reply): void {
  const body = json === undefined ? (text ?? "") : JSON.stringify(json);
  const contentType = json === undefined ? (type ?? "text/plain; charset=utf-8") : "application/json";
  response.writeHead(status, {
    ...(body === "" ? {} : { "content-type": contentType }),
    ...(status === 204 ? {} : { "content-length": Buffer.byteLength(body) }),
    "x-dbward-version": VERSION,
    ...headers,
  });
  response.end(body);
}
