import {
  METRIC_NAMESPACE,
  METRICS,
  type MetricName,
  TOKEN_METRICS,
  type TokenMetricName,
} from "@dbward-aws/contract";
import type { MetricOwner, MetricSource } from "./alarm-definition.ts";

/**
 * A metric of the poller. @param statistic
 * @default - as the contract says that its values are put together
 */
export function polledMetric(name: MetricName, statistic: string = METRICS[name].statistic): MetricSource {
  return { owner: "stage", namespace: METRIC_NAMESPACE, name, statistic };
}

/** A metric of the function that checks the tokens. @param owner `token-rotation` for one that only a rotation has */
export function tokenMetric(name: TokenMetricName, owner: MetricOwner = "stage"): MetricSource {
  return { owner, namespace: METRIC_NAMESPACE, name, statistic: TOKEN_METRICS[name].statistic };
}
