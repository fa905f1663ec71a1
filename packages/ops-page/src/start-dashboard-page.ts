import type { IncomingMessage, ServerResponse } from "node:http";
import { stageNames } from "@dbward-aws/contract";
import { describeError, redact, startListener } from "@dbward-aws/core";
import type { StageSettings } from "@dbward-aws/settings";
import {
  type AwsClients,
  type ConsoleLinks,
  createAwsClients,
  diagnose,
  readStage,
  type StageView,
} from "@dbward-aws/stage";
import { cached } from "./cached.ts";
import { PageKey } from "./page-key.ts";
import { type Dashboard, readDashboard } from "./read-dashboard.ts";
import { readLogQuery } from "./read-log-query.ts";
import { staticFiles } from "./static-files.ts";

export interface DashboardPageOptions {
  readonly stage: string;
  /** Clients of AWS, or where and as whom AWS is called. */
  readonly aws: AwsClients | AwsAccess;
  /** What should be deployed, so that the page shows what is missing. @default - the page shows what is there */
  readonly settings?: StageSettings;
  /** Pages of the AWS console, to which problems lead. @default - no links */
  readonly links?: ConsoleLinks;
  /** Port on 127.0.0.1. @default 0, any free one */
  readonly port?: number;
  /**
   * Seconds between two looks at the stage's metrics and problems, and at its state; each look at a real account costs a
   * fraction of a cent. @default 60 and 15
   */
  readonly refreshSeconds?: { readonly metrics: number; readonly state: number };
  /** How far back the page looks at first: `15m`, `1h`, `3h`, `12h`, `1d` or `1w`. @default "3h" */
  readonly range?: string;
}

/** Where and as whom AWS is called. */
export interface AwsAccess {
  readonly region: string;
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
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

const serveFile = staticFiles();

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
 * Serves the page of a stage on 127.0.0.1, to whoever has its URL. It reads and never writes. Of tokens it shows whether they are
 * captured; their values don't leave this process.
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

/** What the page shows, each read from AWS at most once a refresh. */
class StageSource {
  readonly stage: string;
  readonly state: () => Promise<object>;
  readonly findings: () => Promise<object>;
  readonly #clients: AwsClients;
  readonly #refresh: { readonly metrics: number; readonly state: number };
  readonly #view: () => Promise<StageView>;
  readonly #dashboards = new Map<string, () => Promise<Dashboard>>();
  readonly #logs = new Map<string, () => Promise<unknown>>();

  constructor({
    stage,
    aws,
    settings,
    links,
    refreshSeconds = { metrics: 60, state: 15 },
    range = DEFAULT_RANGE,
  }: DashboardPageOptions) {
    this.stage = stage;
    this.#clients = "cloudWatch" in aws ? aws : createAwsClients(aws.region, aws);
    this.#refresh = refreshSeconds;
    const clients = this.#clients;
    this.#view = cached(refreshSeconds.state * 1000, () => readStage(clients, { stage, settings }));
    this.state = async () => ({ ...(await this.#view()), refreshSeconds, range });
    this.findings = cached(refreshSeconds.metrics * 1000, async () => ({
      findings: await diagnose(await this.#view(), { stage, clients, settings, links }),
    }));
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
    case "/api/findings":
      return send(response, 200, await source.findings());
    case "/api/dashboard":
      return send(response, 200, await source.dashboard(range));
    case "/api/logs":
      return send(response, 200, await source.logs(range));
  }
  if (opened) request.url = "/";
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  serveFile(request, response, () => send(response, 404, { error: "There is no such page." }));
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
