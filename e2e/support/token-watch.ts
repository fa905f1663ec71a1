import {
  GetSecretValueCommand,
  ListSecretsCommand,
  ListSecretVersionIdsCommand,
} from "@aws-sdk/client-secrets-manager";
import { TOKEN_PATTERN } from "@dbward-aws/contract";
import type { Account } from "./account.ts";
import { accountText } from "./account-text.ts";
import { ProcessArguments } from "./process-arguments.ts";
import type { CommandEnd } from "./run-command.ts";
import { filesWith, holds } from "./written-files.ts";

/**
 * Collects the tokens of an account, and looks for them wherever they don't belong: in what commands print,
 * in what the account shows to who may read all but secrets, in files of the stage, and in the argument lists
 * of processes.
 */
export class TokenWatch {
  readonly #account: Account;
  readonly #directory: string;
  readonly #arguments = new ProcessArguments();
  readonly #known = new Set<string>();
  #printed = "";

  /** @param directory of the account */
  constructor(account: Account, directory: string) {
    this.#account = account;
    this.#directory = directory;
  }

  /** How many tokens there have been. */
  get count(): number {
    return this.#known.size;
  }

  /** Takes what a command has printed. */
  note({ stdout, stderr }: CommandEnd): void {
    this.#printed += `${stdout}\n${stderr}\n`;
  }

  /** Takes a token that is in no secret. */
  know(token: string): void {
    this.#known.add(token);
  }

  /** The places with a token that was ever in a secret. */
  async leaks(): Promise<string[]> {
    await this.#learn();
    const known = [...this.#known];
    const shown = [
      ...(await accountText(this.#account)),
      ["what commands print", this.#printed],
      ["arguments of processes", this.#arguments.text],
    ] as const;
    return [
      ...shown.filter(([, text]) => holds(text, known)).map(([where]) => where),
      ...(await filesWith(known, this.#directory)),
    ];
  }

  close(): void {
    this.#arguments.close();
  }

  /** Former versions of a secret are tokens as well. */
  async #learn(): Promise<void> {
    const { secretsManager } = this.#account;
    const { SecretList = [] } = await secretsManager.send(new ListSecretsCommand({ MaxResults: 100 }));
    for (const { ARN: SecretId } of SecretList) {
      const { Versions = [] } = await secretsManager.send(
        new ListSecretVersionIdsCommand({ SecretId, IncludeDeprecated: true }),
      );
      for (const { VersionId } of Versions) {
        const { SecretString = "" } = await secretsManager.send(
          new GetSecretValueCommand({ SecretId, VersionId }),
        );
        if (TOKEN_PATTERN.test(SecretString)) this.#known.add(SecretString);
      }
    }
  }
}
