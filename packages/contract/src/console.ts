/**
 * Hosts of the AWS console, by partition; neither the SDK nor the CDK has a table of them. Those of isolated partitions are not
 * public.
 *
 * @see https://docs.aws.amazon.com/govcloud-us/latest/UserGuide/signing-into-govcloud.html
 * @see https://docs.amazonaws.cn/en_us/aws/latest/userguide/introduction.html
 * @see https://docs.aws.eu/general/latest/gr/endpoints.html
 */
const CONSOLE_HOSTS: Readonly<Record<string, string>> = {
  aws: "console.aws.amazon.com",
  "aws-cn": "console.amazonaws.cn",
  "aws-us-gov": "console.amazonaws-us-gov.com",
  "aws-eusc": "console.amazonaws-eusc.eu",
};

/**
 * The console's address in a region, without a path.
 *
 * @param partition partition of the region, such as `aws-us-gov`; one without an entry counts as `aws`
 */
export function consoleUrl(region: string, partition: string): string {
  return `https://${region}.${CONSOLE_HOSTS[partition] ?? CONSOLE_HOSTS.aws}`;
}
