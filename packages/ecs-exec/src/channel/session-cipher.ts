import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const ALGORITHM = "aes-256-gcm";
const KEY_LENGTH = 32;
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;

/** Bytes of the data key: one AES-256 key for each direction. */
export const DATA_KEY_LENGTH = 2 * KEY_LENGTH;

/** Encrypts what the client sends and decrypts what it receives: nonce, ciphertext and tag in one piece. */
export class SessionCipher {
  readonly #decryptionKey: Uint8Array;
  readonly #encryptionKey: Uint8Array;

  /**
   * @param dataKey 64 bytes: the first half is the key of what the agent sends, the second of what the client
   * sends
   * @throws RangeError when it has another length
   */
  constructor(dataKey: Uint8Array) {
    if (dataKey.length !== DATA_KEY_LENGTH)
      throw new RangeError(`The data key has ${dataKey.length} bytes instead of ${DATA_KEY_LENGTH}`);
    this.#decryptionKey = dataKey.subarray(0, KEY_LENGTH);
    this.#encryptionKey = dataKey.subarray(KEY_LENGTH);
  }

  encrypt(plaintext: Uint8Array): Buffer {
    const nonce = randomBytes(NONCE_LENGTH);
    const cipher = createCipheriv(ALGORITHM, this.#encryptionKey, nonce);
    const ciphertext = cipher.update(plaintext);
    return Buffer.concat([nonce, ciphertext, cipher.final(), cipher.getAuthTag()]);
  }

  /** @throws Error when it wasn't encrypted by the agent of this session, or was changed on the way */
  decrypt(message: Uint8Array): Buffer {
    if (message.length < NONCE_LENGTH + TAG_LENGTH) throw new RangeError("An encrypted message is too short");
    const decipher = createDecipheriv(ALGORITHM, this.#decryptionKey, message.subarray(0, NONCE_LENGTH), {
      authTagLength: TAG_LENGTH,
    });
    decipher.setAuthTag(message.subarray(-TAG_LENGTH));
    const plaintext = decipher.update(message.subarray(NONCE_LENGTH, -TAG_LENGTH));
    return Buffer.concat([plaintext, decipher.final()]);
  }
}
