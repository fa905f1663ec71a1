import type { DataKey } from "./channel/index.ts";

/** A data key that a session is to be encrypted with. */
export interface SessionKeyRequest {
  /** ARN or id of the KMS key. */
  readonly keyId: string;
  /** Must be the same, byte by byte, when the agent has the key decrypted. */
  readonly encryptionContext: Readonly<Record<string, string>>;
  /** Bytes of the data key. */
  readonly numberOfBytes: number;
}

/** Makes data keys; `kmsDataKeys` of `@dbward-aws/ecs-exec/kms` asks KMS for them. */
export interface DataKeySource {
  generate(request: SessionKeyRequest, signal: AbortSignal): Promise<DataKey>;
}
