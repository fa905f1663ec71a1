import { createHash } from "node:crypto";
import { Aws, type Duration, Fn, RemovalPolicy, Token } from "aws-cdk-lib";
import * as backup from "aws-cdk-lib/aws-backup";
import type * as kms from "aws-cdk-lib/aws-kms";
import type { Construct } from "constructs";
import { PropProblems } from "../prop-problems.ts";

/** AWS Backup Vault Lock: nobody deletes a copy, or shortens how long it is kept. */
export class VaultLock {
  /** An identity that may call `backup:DeleteBackupVaultLockConfiguration` can remove it. */
  static governance(retention: VaultRetention): VaultLock {
    return new VaultLock(retention);
  }

  /**
   * After some days **nobody can take it off, not even AWS**: the copies and their price stay until they
   * expire.
   *
   * @param changeableFor how long it can still be changed after its deployment; 3 days or more
   */
  static complianceThatCanNeverBeUndone(retention: VaultRetention, changeableFor: Duration): VaultLock {
    return new VaultLock(retention, changeableFor);
  }

  readonly retention: VaultRetention;
  /** @default - it can always be taken off */
  readonly changeableFor?: Duration;

  private constructor(retention: VaultRetention, changeableFor?: Duration) {
    this.retention = retention;
    if (changeableFor !== undefined) this.changeableFor = changeableFor;
  }
}

/** How long the copies in a locked vault are kept: a job that wants something else fails. */
export interface VaultRetention {
  readonly min: Duration;
  /** @default - no limit */
  readonly max?: Duration;
}

export interface NewBackupVaultProps {
  /** Beginning of the vault's name, up to 36 characters. */
  readonly name: string;
  /** @default - not locked */
  readonly lock?: VaultLock;
  /**
   * Customer managed key of the copies. A change of it makes a new vault, and keeps the former one with its
   * copies.
   * @default - the key of AWS for AWS Backup
   */
  readonly encryptionKey?: kms.IKey;
}

/**
 * A vault for copies: encrypted, and kept when its stack is deleted, since a vault with copies in it can't be
 * deleted. An empty vault costs nothing.
 */
export class NewBackupVault extends backup.BackupVault {
  constructor(scope: Construct, id: string, { name, lock, encryptionKey }: NewBackupVaultProps) {
    super(scope, id, {
      ...(encryptionKey && { encryptionKey }),
      ...(lock && { lockConfiguration: lockConfiguration(lock) }),
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    const problems = new PropProblems(this);
    problems.expectText(name, /^[A-Za-z0-9_-]{2,36}$/, "name", "must have 2 to 36 letters, digits, - and _");
    problems.throwIfAny();
    // A kept vault keeps its name: the stack that is created after it needs another one, and so does the vault
    // with another key. CloudFormation has no names of its own for vaults.
    const ofStack = Fn.select(0, Fn.split("-", Fn.select(2, Fn.split("/", Aws.STACK_ID))));
    const ofKey = encryptionKey && `-${shortHash(encryptionKey)}`;
    (this.node.defaultChild as backup.CfnBackupVault).backupVaultName = `${name}-${ofStack}${ofKey ?? ""}`;
  }
}

function lockConfiguration({ retention, changeableFor }: VaultLock): backup.LockConfiguration {
  return {
    minRetention: retention.min,
    ...(retention.max && { maxRetention: retention.max }),
    ...(changeableFor && { changeableFor }),
  };
}

/** Tells keys apart; one that is created with the stack is always the same. */
function shortHash({ keyArn }: kms.IKey): string {
  const text = Token.isUnresolved(keyArn) ? "" : keyArn;
  return createHash("sha256").update(text).digest("hex").slice(0, 4);
}
