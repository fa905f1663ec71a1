import { consoleUrl } from "@dbward-aws/contract";

/** Addresses of the pages of the AWS console on which a thing can be looked at. */
export interface ConsoleLinks {
  stack(stackId: string): string;
  service(cluster: string, service: string): string;
  logGroup(name: string): string;
  secret(name: string): string;
  alarm(name: string): string;
  dashboard(name: string): string;
}

/** @param partition partition of the account, such as `aws` */
export function consoleLinks(region: string, partition: string): ConsoleLinks {
  const host = consoleUrl(region, partition);
  const encode = encodeURIComponent;
  return {
    stack: (id) => `${host}/cloudformation/home?region=${region}#/stacks/events?stackId=${encode(id)}`,
    service: (cluster, service) =>
      `${host}/ecs/v2/clusters/${encode(cluster)}/services/${encode(service)}/health?region=${region}`,
    // The console encodes the fragment twice, with `$` in place of the percent sign.
    logGroup: (name) =>
      `${host}/cloudwatch/home?region=${region}#logsV2:log-groups/log-group/${encode(encode(name)).replaceAll("%", "$")}`,
    secret: (name) => `${host}/secretsmanager/secret?name=${encode(name)}&region=${region}`,
    alarm: (name) => `${host}/cloudwatch/home?region=${region}#alarmsV2:alarm/${encode(name)}`,
    dashboard: (name) => `${host}/cloudwatch/home?region=${region}#dashboards/dashboard/${encode(name)}`,
  };
}
