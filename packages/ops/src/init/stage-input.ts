import type { TagExpressions } from "../config-file/put-stage.ts";
import type { StageChoices } from "./stage-choices.ts";

/** Which account and region a stage is for, and where its files are. */
export interface StagePlace {
  readonly account: string;
  readonly region: string;
  readonly serverFile: string;
  readonly agentFile: string;
}

/** A stage as the settings have it, with its tags as they are given. Members that it doesn't have are `undefined`. */
export function stageInput(choices: StageChoices, place: StagePlace, tags: TagExpressions | StageTags) {
  const { network, database, secret, agent, loadBalancer, emails } = choices;
  return {
    account: place.account,
    region: place.region,
    network,
    server: { image: { tag: tags.server }, configFile: place.serverFile, loadBalancer },
    agents: [
      {
        name: agent,
        token: "bootstrap" as const,
        image: { tag: tags.agents },
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

/** Tags as they are in the file of versions. */
interface StageTags {
  readonly server: string;
  readonly agents: string;
}

/** Default of the setting `database.port`. */
const DEFAULT_PORT = 5432;
