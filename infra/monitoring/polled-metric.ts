import { METRIC_NAMESPACE, METRICS, type MetricName } from "@dbward-aws/contract";
import type { MetricSource } from "./alarm-definition.ts";

/**
 * A metric of the poller. @param statistic
 * @default - as the contract says that its values are put together
 */
export function polledMetric(name: MetricName, statistic: string = METRICS[name].statistic): MetricSource {
  return { owner: "stage", namespace: METRIC_NAMESPACE, name, statistic };
}
