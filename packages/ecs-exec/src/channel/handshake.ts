import {
  ACTION_KMS_ENCRYPTION,
  ACTION_SESSION_TYPE,
  ACTION_STATUS,
  type HandshakeRequest,
  type HandshakeResponse,
  type KmsEncryptionParameters,
  type KmsEncryptionResult,
  type ProcessedClientAction,
  readKmsEncryptionParameters,
} from "../protocol/index.ts";

/** The data key that the agent asks for. */
export interface DataKeyRequest {
  /** ARN or id of the KMS key. */
  readonly keyId: string;
  /** Base64; part of the encryption context. Old agents send none. */
  readonly challenge: string | undefined;
}

/** A data key as KMS made it. */
export interface DataKey {
  /** 64 bytes. */
  readonly plaintext: Uint8Array;
  /** The same, encrypted by KMS: goes to the agent, which has KMS decrypt it with the task role. */
  readonly ciphertext: Uint8Array;
}

/** What a handshake's request asks of us. */
export interface HandshakePlan {
  readonly actionTypes: readonly string[];
  /** Set when the session is to be encrypted: then a key must be there before the answer. */
  readonly dataKey: DataKeyRequest | undefined;
}

/** @throws MalformedFrame when encryption is asked for without naming a key */
export function planHandshake(request: HandshakeRequest): HandshakePlan {
  const actions = request.RequestedClientActions;
  const encryption = actions.find(({ ActionType }) => ActionType === ACTION_KMS_ENCRYPTION);
  return {
    actionTypes: actions.map(({ ActionType }) => ActionType),
    dataKey: encryption && toDataKeyRequest(readKmsEncryptionParameters(encryption.ActionParameters)),
  };
}

/**
 * The answer to a handshake's request: yes to the session's type and to encryption, `unsupported` to all
 * else.
 *
 * @param keyCiphertext the data key as KMS encrypted it; needed when the plan has `dataKey`
 */
export function answerHandshake(
  plan: HandshakePlan,
  clientVersion: string,
  keyCiphertext?: Uint8Array,
): HandshakeResponse {
  const processed = plan.actionTypes.map((ActionType): ProcessedClientAction => {
    const success = { ActionType, ActionStatus: ACTION_STATUS.success, Error: "" };
    if (ActionType === ACTION_SESSION_TYPE) return { ...success, ActionResult: null };
    if (ActionType === ACTION_KMS_ENCRYPTION && keyCiphertext && plan.dataKey)
      return { ...success, ActionResult: encryptionResult(plan.dataKey, keyCiphertext) };
    return {
      ActionType,
      ActionStatus: ACTION_STATUS.unsupported,
      ActionResult: null,
      Error: `Unsupported action ${ActionType}`,
    };
  });
  return { ClientVersion: clientVersion, ProcessedClientActions: processed, Errors: null };
}

function toDataKeyRequest({ KMSKeyId, Challenge }: KmsEncryptionParameters): DataKeyRequest {
  return { keyId: KMSKeyId, challenge: Challenge };
}

function encryptionResult(request: DataKeyRequest, ciphertext: Uint8Array): KmsEncryptionResult {
  return {
    KMSCipherTextKey: Buffer.from(ciphertext).toString("base64"),
    KMSCipherTextHash: null,
    ...(request.challenge === undefined ? {} : { ChallengeAcknowledgement: true as const }),
  };
}
