import type { State } from "../state/records.ts";
import { isSaturated } from "./agent-status.ts";

/** Upper bounds of the buckets for the time of calls, in seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** Counters that stay at 0: of what the stand-in does not do, and two that dbward 0.2.0 does not count. */
const UNUSED_COUNTERS = [
  // dbward counts only attempts to change a schema by break-glass.
  "dbward_break_glass_total",
  "dbward_break_glass_ddl_allowed_total",
  "dbward_break_glass_ddl_denied_total",
  "dbward_break_glass_audit_failure_total",
  // Stays 0 in dbward, too, when a lease ends.
  "dbward_agent_lease_expirations_total",
  "dbward_background_panics_total",
  "dbward_license_online_success_total",
  "dbward_license_online_failure_total",
  "dbward_license_online_network_error_total",
  "dbward_mcp_sse_streams_total",
  "dbward_mcp_cancel_total",
  "dbward_mcp_sessions_created_total",
];
const UNUSED_GAUGES = ["dbward_mcp_sessions_active", "dbward_mcp_sse_streams_active"];

/** States of a request that are counted. */
const COUNTED = ["pending", "approved", "dispatched", "running"];

/** What the server counts from its start on. */
export class Metrics {
  /** Break-glass requests with `allow_ddl`, refused ones included. */
  breakGlassDdlAttempts = 0;
  readonly #calls = new Map<string, number>();
  readonly #durations = new Map<string, { readonly buckets: number[]; sum: number; count: number }>();

  /** @param path the pattern of the route, or `<unmatched>` */
  called(method: string, path: string, status: number, seconds: number): void {
    const labels = `method="${method}",path="${path}"`;
    const call = `${labels},status="${status}"`;
    this.#calls.set(call, (this.#calls.get(call) ?? 0) + 1);
    let duration = this.#durations.get(labels);
    if (!duration) {
      duration = { buckets: BUCKETS.map(() => 0), sum: 0, count: 0 };
      this.#durations.set(labels, duration);
    }
    for (const [index, bound] of BUCKETS.entries()) if (seconds <= bound) duration.buckets[index]! += 1;
    duration.sum += seconds;
    duration.count += 1;
  }

  /** Prometheus' text format. */
  text({ requests, agents }: State): string {
    return [
      ...UNUSED_COUNTERS.flatMap((name) => family(name, "counter", [["", 0]])),
      ...family("dbward_break_glass_ddl_attempted_total", "counter", [["", this.breakGlassDdlAttempts]]),
      ...family(
        "dbward_http_requests_total",
        "counter",
        [...this.#calls].map(([labels, count]) => [`{${labels}}`, count]),
      ),
      ...this.#histogram("dbward_http_request_duration_seconds"),
      ...family(
        "dbward_requests_current",
        "gauge",
        COUNTED.map((status) => [
          `{status="${status}"}`,
          requests.filter((request) => request.status === status).length,
        ]),
      ),
      ...family("dbward_agents_active", "gauge", [["", agents.filter(({ draining }) => !draining).length]]),
      ...family("dbward_agents_saturated", "gauge", [["", agents.filter(isSaturated).length]]),
      ...UNUSED_GAUGES.flatMap((name) => family(name, "gauge", [["", 0]])),
      "",
    ].join("\n");
  }

  #histogram(name: string): string[] {
    if (this.#durations.size === 0) return [];
    const series = [...this.#durations].flatMap(([labels, { buckets, sum, count }]) => [
      ...BUCKETS.map((bound, index) => `${name}_bucket{${labels},le="${bound}"} ${buckets[index]}`),
      `${name}_bucket{${labels},le="+Inf"} ${count}`,
      `${name}_sum{${labels}} ${sum}`,
      `${name}_count{${labels}} ${count}`,
    ]);
    return [`# TYPE ${name} histogram`, ...series];
  }
}

/** A family without a series isn't announced. */
function family(name: string, type: string, series: readonly (readonly [string, number])[]): string[] {
  if (series.length === 0) return [];
  return [`# TYPE ${name} ${type}`, ...series.map(([labels, value]) => `${name}${labels} ${value}`)];
}
