import { createHash } from "node:crypto";
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  type SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { describeError } from "@dbward-aws/core";
import { SecretFailed } from "./errors.ts";
import type { Token } from "./request.ts";

/** What a secret holds now. */
export interface StoredToken {
  readonly versionId: string;
  /** Only for asking the server whether it accepts it. */
  readonly value: string;
}

/**
 * The secrets of a stage. A secret with a value is never overwritten.
 */
export class TokenStore {
  readonly #client: SecretsManagerClient;
  readonly #requestId: string;
  readonly #signal: AbortSignal;

  /**
   * @param requestId CloudFormation's id of the request: makes the version ids, so that the same event delivered twice,
   * also at the same time, ends in one version
   */
  constructor(client: SecretsManagerClient, requestId: string, signal: AbortSignal) {
    this.#client = client;
    this.#requestId = requestId;
    this.#signal = signal;
  }

  /**
   * @returns `undefined` when the secret is empty: no current version, or nothing but white space in it
   * @throws {@link SecretFailed}
   */
  async read(token: Token): Promise<StoredToken | undefined> {
    try {
      const { SecretString, VersionId } = await this.#client.send(
        new GetSecretValueCommand({ SecretId: token.secret }),
        { abortSignal: this.#signal },
      );
      if (!SecretString?.trim() || !VersionId) return undefined;
      return { value: SecretString, versionId: VersionId };
    } catch (error) {
      // Told for a secret without a current version; a secret that doesn't exist shows when it is written.
      if (isNamed(error, "ResourceNotFoundException")) return undefined;
      throw new SecretFailed("Reading", token.label, describeError(error), error);
    }
  }

  /**
   * Stores a token, unless its secret has got a value in the meantime: then that one is kept.
   *
   * @returns the version that is current now
   * @throws {@link SecretFailed}
   */
  async fill(token: Token, value: string): Promise<string> {
    const kept = await this.read(token);
    if (kept) return kept.versionId;
    try {
      const { VersionId } = await this.#client.send(
        new PutSecretValueCommand({
          SecretId: token.secret,
          SecretString: value,
          ClientRequestToken: versionId(this.#requestId, token.secret, value),
        }),
        { abortSignal: this.#signal },
      );
      return VersionId!;
    } catch (error) {
      const winner = isNamed(error, "ResourceExistsException") ? await this.read(token) : undefined;
      if (winner) return winner.versionId;
      throw new SecretFailed("Filling", token.label, describeError(error), error);
    }
  }
}

/** A UUID that one request gives to one value in one secret. The value has 128 random bits: a digest tells nothing of it. */
export function versionId(requestId: string, secret: string, value: string): string {
  const hex = createHash("sha256").update(`${requestId}\n${secret}\n${value}`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    "-",
  );
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}
