/** A partition of AWS. */
export interface Partition {
  /** As in ARNs: `aws`, `aws-cn`, `aws-us-gov`, `aws-eusc` … */
  readonly name: string;
  /** Suffix of its host names, such as `amazonaws.com.cn`. */
  readonly dnsSuffix: string;
  /** Suffix of its dual-stack host names, such as `api.aws`. */
  readonly dualStackDnsSuffix: string;
  readonly regions: readonly string[];
}

/**
 * A copy of the AWS SDK's table of partitions (`@aws-sdk/core`, partitions.json), so that the constructs do not depend on the SDK. A test
 * compares it with the original.
 */
export const PARTITIONS: readonly Partition[] = [
  {
    name: "aws",
    dnsSuffix: "amazonaws.com",
    dualStackDnsSuffix: "api.aws",
    regions: [
      "af-south-1",
      "ap-east-1",
      "ap-east-2",
      "ap-northeast-1",
      "ap-northeast-2",
      "ap-northeast-3",
      "ap-south-1",
      "ap-south-2",
      "ap-southeast-1",
      "ap-southeast-2",
      "ap-southeast-3",
      "ap-southeast-4",
      "ap-southeast-5",
      "ap-southeast-6",
      "ap-southeast-7",
      "ca-central-1",
      "ca-west-1",
      "eu-central-1",
      "eu-central-2",
      "eu-north-1",
      "eu-south-1",
      "eu-south-2",
      "eu-west-1",
      "eu-west-2",
      "eu-west-3",
      "il-central-1",
      "me-central-1",
      "me-south-1",
      "me-west-1",
      "mx-central-1",
      "sa-east-1",
      "sa-west-1",
      "us-east-1",
      "us-east-2",
      "us-west-1",
      "us-west-2",
    ],
  },
  {
    name: "aws-cn",
    dnsSuffix: "amazonaws.com.cn",
    dualStackDnsSuffix: "api.amazonwebservices.com.cn",
    regions: ["cn-north-1", "cn-northwest-1"],
  },
  {
    name: "aws-eusc",
    dnsSuffix: "amazonaws.eu",
    dualStackDnsSuffix: "api.amazonwebservices.eu",
    regions: ["eusc-de-east-1"],
  },
  {
    name: "aws-iso",
    dnsSuffix: "c2s.ic.gov",
    dualStackDnsSuffix: "api.aws.ic.gov",
    regions: ["us-iso-east-1", "us-iso-west-1"],
  },
  {
    name: "aws-iso-b",
    dnsSuffix: "sc2s.sgov.gov",
    dualStackDnsSuffix: "api.aws.scloud",
    regions: ["us-isob-east-1", "us-isob-west-1"],
  },
  {
    name: "aws-iso-e",
    dnsSuffix: "cloud.adc-e.uk",
    dualStackDnsSuffix: "api.cloud-aws.adc-e.uk",
    regions: ["eu-isoe-west-1"],
  },
  {
    name: "aws-iso-f",
    dnsSuffix: "csp.hci.ic.gov",
    dualStackDnsSuffix: "api.aws.hci.ic.gov",
    regions: ["us-isof-east-1", "us-isof-south-1"],
  },
  {
    name: "aws-us-gov",
    dnsSuffix: "amazonaws.com",
    dualStackDnsSuffix: "api.aws",
    regions: ["us-gov-east-1", "us-gov-west-1"],
  },
];

/** The partition of a region; `undefined` for a region that is newer than the table. */
export function partitionOf(region: string): Partition | undefined {
  return PARTITIONS.find(({ regions }) => regions.includes(region));
}

/** What is wrong with an ARN whose partition does not fit its region; `undefined` when it fits. */
export function partitionProblem(arn: string): string | undefined {
  const [, name, , region = ""] = arn.split(":");
  const partition = partitionOf(region);
  return partition === undefined || partition.name === name
    ? undefined
    : `begins with "arn:${name}:", but ARNs in ${region} begin with "arn:${partition.name}:"`;
}
