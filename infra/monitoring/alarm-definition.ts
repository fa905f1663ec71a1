import type { AlarmId } from "@dbward-aws/contract";

/**
 * - `critical`: someone must act now.
 * - `warning`: someone must act today.
 * - `notice`: someone should know.
 * - `signal`: nobody is notified; other alarms use it.
 */
export type Severity = "critical" | "warning" | "notice" | "signal";

/** Whose metric it is: what the dimensions' values are taken from. */
export type MetricOwner =
  | "stage"
  | "server-service"
  | "file-system"
  | "file-system-storage"
  | "poller"
  | "token-check"
  | "token-rotation"
  | "poller-rule"
  | "apply"
  | "capture"
  | "capture-log"
  | "task-stop-rule"
  | "load-balancer"
  | "target-group";

/** One metric of an alarm. Its period is the alarm's. */
export interface MetricSource {
  readonly owner: MetricOwner;
  readonly namespace: string;
  readonly name: string;
  /** As CloudWatch spells it: `Sum`, `Maximum`, `p95`. */
  readonly statistic: string;
}

/** What an alarm looks at: one metric, or an expression of metric math over several. */
export type Signal =
  | { readonly metric: MetricSource }
  | { readonly expression: string; readonly metrics: Readonly<Record<string, MetricSource>> };

/**
 * Who is notified.
 *
 * - `direct`: the receivers, by the alarm itself.
 * - `down`: the receivers, by the composite alarm `down`, which names this alarm as its cause.
 * - `unless-quiet`: the receivers, by a composite alarm over this one that keeps silent while `quiet` is in
 *   alarm. It first waits `waitSeconds` for `quiet`, because two alarms are never evaluated at the same
 *   instant.
 * - `nobody`.
 */
export type Notification =
  | { readonly kind: "direct" | "down" | "nobody" }
  | { readonly kind: "unless-quiet"; readonly waitSeconds: number };

/** One row of the catalogue. */
export interface AlarmDefinition {
  readonly id: AlarmId;
  /** A few words, as a person would say it. */
  readonly title: string;
  readonly severity: Severity;
  readonly signal: Signal;
  /** Breaches when the value is at least, or below, the threshold. */
  readonly breaches: "at-least" | "below";
  /** Default; `monitoring.thresholds` of the stage's settings goes before it. */
  readonly threshold: number;
  /** Unit of the threshold. */
  readonly unit: string;
  /** Seconds; a multiple of 60. */
  readonly periodSeconds: number;
  /** `[datapoints that must breach, periods looked at]`. */
  readonly datapoints: readonly [breaching: number, periods: number];
  /** What a period without a datum counts as: `ignore` keeps the alarm's state. */
  readonly missing: "breaching" | "notBreaching" | "ignore";
  readonly notification: Notification;
  /** One or two sentences: what is the matter when it fires. */
  readonly meaning: string;
  /** One sentence: what to do first. It goes into the message. */
  readonly firstStep: string;
}

/** The metrics of a signal, in the order of the expression. */
export function sourcesOf(signal: Signal): readonly MetricSource[] {
  return "metric" in signal ? [signal.metric] : Object.values(signal.metrics);
}
