import { ACMClient } from "@aws-sdk/client-acm";
import { ECRClient } from "@aws-sdk/client-ecr";
import { RDSClient } from "@aws-sdk/client-rds";
import { ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import type { AwsClients } from "@dbward-aws/stage";

/** Clients of APIs that only preflight and `ops init` ask. */
export interface AccountClients {
  readonly acm: ACMClient;
  readonly ecr: ECRClient;
  readonly rds: RDSClient;
  readonly quotas: ServiceQuotasClient;
}

/** Clients of the same identity and region as the others. */
export function accountClients({ sts }: AwsClients): AccountClients {
  const { region, credentials, requestHandler, maxAttempts } = sts.config;
  const options = { region, credentials, requestHandler, maxAttempts };
  return {
    acm: new ACMClient(options),
    ecr: new ECRClient(options),
    rds: new RDSClient(options),
    quotas: new ServiceQuotasClient(options),
  };
}
