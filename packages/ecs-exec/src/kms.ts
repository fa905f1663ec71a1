import { GenerateDataKeyCommand, type KMSClient } from "@aws-sdk/client-kms";
import type { DataKeySource } from "./data-key-source.ts";

/**
 * Data keys from KMS, for clusters whose exec sessions are encrypted. The caller needs `kms:GenerateDataKey`
 * on the cluster's key, the task role `kms:Decrypt`.
 */
export function kmsDataKeys(kms: KMSClient): DataKeySource {
  return {
    async generate({ keyId, encryptionContext, numberOfBytes }, signal) {
      const { Plaintext, CiphertextBlob } = await kms.send(
        new GenerateDataKeyCommand({
          KeyId: keyId,
          NumberOfBytes: numberOfBytes,
          EncryptionContext: encryptionContext,
        }),
        { abortSignal: signal },
      );
      if (!Plaintext || !CiphertextBlob) throw new Error("KMS answered without a key");
      return { plaintext: Plaintext, ciphertext: CiphertextBlob };
    },
  };
}
