import type { IncomingMessage, ServerResponse } from "node:http";
import { stageNames } from "@dbward-aws/contract";
import { describeError, redact, startListener } from "@dbward-aws/core";
import { cached } from "./cached.ts";
import { PageKey } from "./page-key.ts";
import { type Dashboard, readDashboard } from "./read-dashboard.ts";
import { readLogQuery } from "./read-log-query.ts";
import { readStage } from "./read-stage.ts";
import { type ClientOptions, type StageClients, stageClients } from "./stage-clients.ts";
import { staticFile } from "./static-files.ts";

export interface DashboardPageOptions {
  readonly stage: string;
  /** Where and as whom AWS is called, or the clients themselves. @default - as the SDK finds it */
  readonly aws?: ClientOptions | StageClients;
  /** Port on 127.0.0.1. @default 0, any free one */
  readonly port?: number;
  /**
   * Seconds between two looks at the stage's metrics and at its state; each look at a real account costs a fraction of
   * a cent. @default 60 and 15
   */
  readonly refreshSeconds?: { readonly metrics: number; readonly state: number };
  /** How far back the page looks at first: `15m`, `1h`, `3h`, `12h`, `1d` or `1w`. @default "3h" */
  readonly range?: string;
  /** More to show, asked with every look: a title and facts by name, such as what runs behind a service. */
  readonly extra?: () => Promise<ExtraFacts> | ExtraFacts;
}

/** A table of two columns. */
export interface ExtraFacts {
  readonly title: string;
  readonly facts: Readonly<Record<string, string>>;
}

/** A running page. */
export interface DashboardPage {
  /** `http://127.0.0.1:<port>/<key>`: who opens it in a browser sees the page, and nobody without the key. */
  readonly url: string;
  close(): Promise<void>;
}

/** Seconds that a viewer may look back, by the name in the address. */
const RANGES: Readonly<Record<string, number>> = {
  "15m": 900,
  "1h": 3600,
  "3h": 3 * 3600,
  "12h": 12 * 3600,
  "1d": 24 * 3600,
  "1w": 7 * 24 * 3600,
};
const DEFAULT_RANGE = "3h";

const HEADERS = {
  "cache-control": "no-store",
  // Nothing from elsewhere, and no script but the page's own files.
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

/**
 * Serves the page of a stage on 127.0.0.1, to who has its URL. It reads and never writes; secrets are shown as captured or not, their values
 * are not even asked for.
 *
 * @throws the system's error when the port is in use
 */
export async function startDashboardPage(options: DashboardPageOptions): Promise<DashboardPage> {
  const { stage, port = 0 } = options;
  const source = new StageSource(options);
  const key = new PageKey();
  const listener = await startListener({
    port,
    pages: true,
    answer: (request, response) =>
      respond(source, request, response, key).catch((error: unknown) => {
        if (response.headersSent) response.destroy();
        else send(response, 502, { error: redact(describeError(error)), stage });
      }),
  });
  return { url: `${listener.url}/${key.text}`, close: () => listener.close() };
}

/** What the page asks for, each asked of AWS at most once a refresh. */
class StageSource {
  readonly stage: string;
  readonly state: () => Promise<unknown>;
  readonly #clients: StageClients;
  readonly #refresh: { readonly metrics: number; readonly state: number };
  readonly #dashboards = new Map<string, () => Promise<Dashboard>>();
  readonly #logs = new Map<string, () => Promise<unknown>>();

  constructor({
    stage,
    aws = {},
    refreshSeconds = { metrics: 60, state: 15 },
    range = DEFAULT_RANGE,
    extra,
  }: DashboardPageOptions) {
    this.stage = stage;
    this.#clients = "cloudWatch" in aws ? aws : stageClients(aws);
    this.#refresh = refreshSeconds;
    this.state = cached(refreshSeconds.state * 1000, async () => {
      const [state, more] = await Promise.all([readStage(this.#clients, stage), extra?.()]);
      return { stage, refreshSeconds, range, ...state, ...(more === undefined ? {} : { extra: more }) };
    });
  }

  dashboard(range: string): Promise<Dashboard> {
    return remember(this.#dashboards, range, () =>
      cached(this.#refresh.metrics * 1000, () =>
        readDashboard(this.#clients.cloudWatch, stageNames(this.stage).dashboard, RANGES[range]!),
      ),
    )();
  }

  /** The answers to the log queries of the dashboard, in their order. */
  logs(range: string): Promise<unknown> {
    return remember(this.#logs, range, () =>
      cached(this.#refresh.metrics * 1000, async () => {
        const { widgets, from, to } = await this.dashboard(range);
        return Promise.all(
          widgets
            .filter((widget) => widget.kind === "log")
            .map((widget) =>
              readLogQuery(this.#clients.logs, widget.query, from, to).then(
                (rows) => ({ rows }),
                (error: unknown) => ({ error: redact(describeError(error)) }),
              ),
            ),
        );
      }),
    )();
  }
}

function remember<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key) ?? make();
  known.set(key, found);
  return found;
}

async function respond(
  source: StageSource,
  request: IncomingMessage,
  response: ServerResponse,
  key: PageKey,
): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD")
    return send(response, 405, { error: "This page only reads." });
  // Joined, not resolved: `//host/` is a path here, not another host.
  const url = new URL(`http://127.0.0.1${request.url}`);
  const opened = key.opens(url.pathname);
  if (!opened && !key.isIn(request))
    return send(response, 403, { error: "Open the address that was printed when this page was started." });
  if (opened) response.setHeader("set-cookie", key.cookie(request));
  const asked = url.searchParams.get("range") ?? DEFAULT_RANGE;
  const range = Object.hasOwn(RANGES, asked) ? asked : DEFAULT_RANGE;
  switch (url.pathname) {
    case "/api/state":
      return send(response, 200, await source.state());
    case "/api/dashboard":
      return send(response, 200, await source.dashboard(range));
    case "/api/logs":
      return send(response, 200, await source.logs(range));
  }
  const file = await staticFile(opened ? "/" : url.pathname);
  if (!file) return send(response, 404, { error: "There is no such page." });
  response.writeHead(200, { ...HEADERS, "content-type": file.type, "content-length": file.body.byteLength });
  response.end(request.method === "HEAD" ? undefined : file.body);
}

function send(response: ServerResponse, status: number, answer: unknown): void {
  const body = JSON.stringify(answer);
  response.writeHead(status, {
    ...HEADERS,
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(body),
  });
  response.end(response.req.method === "HEAD" ? undefined : body);
}
