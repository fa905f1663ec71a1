import { PRICES as prices } from "./prices.ts";

const { storageGibMonth: gib } = prices;

const BY_TYPE: Readonly<Record<string, string>> = {
  "AWS::Backup::BackupVault": perGib(gib.backup),
  "AWS::Backup::RecoveryPoint": perGib(gib.backup),
  "AWS::EFS::FileSystem": perGib(gib.efs),
  "AWS::KMS::Key": month(prices.kmsKeyMonth),
  "AWS::Logs::LogGroup": perGib(gib.logs),
  "AWS::S3::Bucket": perGib(gib.s3),
  "AWS::SecretsManager::Secret": month(prices.secretMonth),
};

/**
 * What it costs to keep a resource, such as `0.30 USD per GiB and month`; `undefined` when it costs nothing.
 */
export function storagePrice(type: string): string | undefined {
  return BY_TYPE[type];
}

function month(price: number): string {
  return `${price.toFixed(2)} USD a month`;
}

function perGib(price: number): string {
  return `${price} USD per GiB and month`;
}
