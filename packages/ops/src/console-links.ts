/** Addresses of the pages of the AWS console on which a thing can be looked at. */
export interface ConsoleLinks {
  stack(stackId: string): string;
  service(cluster: string, service: string): string;
  logGroup(name: string): string;
  secret(name: string): string;
  alarm(name: string): string;
  dashboard(name: string): string;
}

export function consoleLinks(region: string): ConsoleLinks {
  const host = `https://${region}.console.${domain(region)}`;
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

function domain(region: string): string {
  if (region.startsWith("cn-")) return "amazonaws.cn";
  return region.startsWith("us-gov-") ? "amazonaws-us-gov.com" : "aws.amazon.com";
}
