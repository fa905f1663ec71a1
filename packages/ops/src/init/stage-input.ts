import type { ExistingState, StageVersions } from "@dbward-aws/settings";
import type { StageExpressions } from "../config-file/put-stage.ts";
import type { StageChoices } from "./stage-choices.ts";

/** Which account and region a stage is for, and where its files are. */
export interface StagePlace {
  readonly account: string;
  readonly region: string;
  readonly serverFile: string;
  readonly agentFile: string;
}

/** What a stage takes from other files, as they are. */
export interface StageFromFiles extends StageVersions {
  /** @default - the stage has the file system that it created */
  readonly state: ExistingState | undefined;
}

/** A stage as the settings have it. Members that it doesn't have are `undefined`. */
export function stageInput(
  choices: StageChoices,
  place: StagePlace,
  fromFiles: StageExpressions | StageFromFiles,
) {
  const { network, database, secret, agent, loadBalancer, emails } = choices;
  return {
    state: fromFiles.state,
    account: place.account,
    region: place.region,
    network,
    server: { image: { tag: fromFiles.server }, configFile: place.serverFile, loadBalancer },
    agents: [
      {
        name: agent,
        token: "bootstrap" as const,
        image: { tag: fromFiles.agents },
        configFile: place.agentFile,
        database: {
          urlSecret: secret,
          ...choices.place,
          port: database.port === DEFAULT_PORT ? undefined : database.port,
        },
      },
    ],
    monitoring: emails.length > 0 ? { emails } : undefined,
  };
}

/** Default of the setting `database.port`. */
const DEFAULT_PORT = 5432;
