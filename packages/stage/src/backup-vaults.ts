import { type BackupVaultListMember, paginateListBackupVaults } from "@aws-sdk/client-backup";
import type { AwsClients } from "./aws-clients.ts";
import { during } from "./aws-error.ts";
import { everyItem } from "./pages.ts";

/**
 * The backup vaults of the account and region. A vault is looked up here: AWS Backup answers a question for one
 * that doesn't exist with `AccessDeniedException`.
 *
 * @throws AwsCallError
 */
export function backupVaults({
  backup,
}: Pick<AwsClients, "backup">): Promise<readonly BackupVaultListMember[]> {
  return during(
    "Listing the backup vaults",
    everyItem(paginateListBackupVaults({ client: backup }, {}), (page) => page.BackupVaultList),
  );
}
