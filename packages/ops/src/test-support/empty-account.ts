import { type Answers, AwsFault, type Input } from "./aws-peer.ts";

/** CloudFormation's answer about a stack that doesn't exist. */
export function noStack({ StackName }: Input): never {
  throw new AwsFault("ValidationError", `Stack with id ${StackName} does not exist`);
}

/** Answers of an account in which there is nothing: what the lists of `ops cleanup` and preflight ask for. */
export const EMPTY_ACCOUNT: Answers = {
  DescribeStacks: noStack,
  ListStackResources: () => ({ StackResourceSummaries: [] }),
  ListStacks: () => ({ StackSummaries: [] }),
  DescribeFileSystems: () => ({ FileSystems: [] }),
  ListBackupVaults: () => ({ BackupVaultList: [] }),
  DescribeRegionSettings: () => ({ ResourceTypeOptInPreference: { EFS: true } }),
  GetResources: () => ({ ResourceTagMappingList: [] }),
  DescribeSecret: () => {
    throw new AwsFault("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
  },
  GetParametersByPath: () => ({ Parameters: [] }),
  DescribeParameters: () => ({ Parameters: [] }),
  DescribeLogGroups: () => ({ logGroups: [] }),
  ListNamespaces: () => ({ Namespaces: [] }),
  DescribeClusters: () => ({ clusters: [] }),
  DescribeNetworkInterfaces: () => ({ networkInterfaceSet: [] }),
  DescribeSecurityGroups: () => ({ securityGroupInfo: [] }),
};
