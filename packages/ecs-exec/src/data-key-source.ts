import type { DataKey } from "./channel/index.ts";

/** A request for the data key of an encrypted session. */
export interface SessionKeyRequest {
  /** ARN or id of the KMS key. */
  readonly keyId: string;
  /** The agent decrypts the key with the same context, byte for byte. */
  readonly encryptionContext: Readonly<Record<string, string>>;
  /** Bytes of the data key. */
  readonly numberOfBytes: number;
}

/** Makes data keys. `kmsDataKeys` of `@dbward-aws/ecs-exec/kms` is the one that uses KMS. */
export interface DataKeySource {
  generate(request: SessionKeyRequest, signal: AbortSignal): Promise<DataKey>;
}
