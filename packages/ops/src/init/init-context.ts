import type { CliIo } from "@dbward-aws/cli";
import { DbwardError } from "@dbward-aws/core";
import type { AwsClients } from "@dbward-aws/stage";
import type { AccountOffers } from "./account-offers.ts";
import type { Answers } from "./answers.ts";
import type { UrlSources } from "./database-url.ts";
import type { StageOptions } from "./stage-choices.ts";

/** What a stage is written with. */
export interface InitContext {
  readonly stage: string;
  /** Path of dbward.config.ts, which may not exist yet. */
  readonly configFile: string;
  readonly account: string;
  readonly region: string;
  readonly clients: AwsClients;
  readonly offers: AccountOffers;
  readonly answers: Answers;
  readonly io: CliIo;
}

/** What to do with what exists and differs: a stage, a file. @default - it is asked */
export type Existing = "keep" | "replace" | undefined;

/** Options of `pnpm ops init` beside those of {@link act}. */
export interface InitOptions {
  readonly stageOptions: StageOptions;
  readonly existing: Existing;
  /** Reads standard input where the options say so, no sooner than the URL is needed. */
  readonly urlSources: () => Promise<UrlSources>;
}

/** A stage can't be written, or what was written can't be deployed yet. */
export class InitError extends DbwardError {
  override readonly name = "InitError";

  constructor(message: string, hint: string, cause?: unknown) {
    super("init-failed", message, { hint, cause });
  }
}
