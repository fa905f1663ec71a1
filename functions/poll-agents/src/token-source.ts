import { GetSecretValueCommand, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { Deadline } from "@dbward-aws/core";
import { TokenUnavailableError } from "./errors.ts";

/** The poller's token: read once, and again when the server refuses it. It is kept in memory only. */
export class TokenSource {
  readonly #secretsManager: SecretsManagerClient;
  readonly #secret: string;
  #cached: string | undefined;

  /** @param secret ARN or name */
  constructor(secretsManager: SecretsManagerClient, secret: string) {
    this.#secretsManager = secretsManager;
    this.#secret = secret;
  }

  /** @throws {TokenUnavailableError} when the secret is empty, contains something else, or can't be read */
  async get(deadline: Deadline): Promise<string> {
    this.#cached ??= await this.#read(deadline);
    return this.#cached;
  }

  /**
   * Reads the secret again.
   *
   * @returns the token, or `undefined` when the secret still contains the refused one
   * @throws {TokenUnavailableError} as {@link get}
   */
  async renew(refused: string, deadline: Deadline): Promise<string | undefined> {
    this.#cached = undefined;
    const token = await this.get(deadline);
    return token === refused ? undefined : token;
  }

  async #read(deadline: Deadline): Promise<string> {
    let value: string | undefined;
    try {
      const command = new GetSecretValueCommand({ SecretId: this.#secret });
      ({ SecretString: value } = await this.#secretsManager.send(command, { abortSignal: deadline.signal }));
    } catch (error) {
      // Also the answer for a secret without a value.
      const missing = (error as Error).name === "ResourceNotFoundException";
      throw new TokenUnavailableError(missing ? "token-missing" : "secrets", this.#secret, error);
    }
    if (value === undefined || !HEADER_SAFE.test(value))
      throw new TokenUnavailableError("token-missing", this.#secret);
    return value;
  }
}

/** Characters of an Authorization header. The server checks the form of the token. */
const HEADER_SAFE = /^[\x21-\x7e]+$/;
