import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { Fatal } from "../../fatal.ts";

/** What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** An Ed25519 key in a file of its own: its 32 bytes and nothing else. */
export class SigningKey {
  readonly #key: KeyObject;

  /** @throws {Fatal} when the file holds something else */
  constructor(file: string) {
    const seed = readOrMake(file);
    if (seed.length !== 32) throw new Fatal(`Error: ${file}: invalid key length`);
    this.#key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
  }

  /** The public key's 32 bytes. */
  get publicKey(): Buffer {
    const { x } = createPublicKey(this.#key).export({ format: "jwk" });
    return Buffer.from(x!, "base64url");
  }

  /** Signature of a text, hexadecimal. */
  sign(text: string): string {
    return sign(null, Buffer.from(text), this.#key).toString("hex");
  }
}

function readOrMake(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    const seed = randomBytes(32);
    writeFileSync(file, seed, { mode: 0o600, flag: "wx" });
    return seed;
  }
}
