import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { loadStage, type StageInput } from "@dbward-aws/settings";
import { expect, it } from "vitest";
import shipped from "../../../../dbward.config.ts";
import { createUserSecrets } from "./user-secrets.ts";

const root = new URL("../../../../", import.meta.url).pathname;

/** The secrets that are created for the shipped stage with `server` changed, by their names. */
async function created(server: Partial<StageInput["server"]>, env: NodeJS.ProcessEnv) {
  const local = shipped.stages.local!;
  const stage = { ...local, server: { ...local.server, ...server } };
  const settings = loadStage({ stages: { local: stage } }, "local", { root });
  const secrets: Record<string, string> = {};
  const client = {
    send: async ({ input }: { input: { Name?: string; SecretString?: string } }) => {
      if (input.Name !== undefined) secrets[input.Name] = input.SecretString ?? "";
    },
  };
  await createUserSecrets(client as unknown as SecretsManagerClient, settings, "postgres://h/d", env);
  return secrets;
}

it("creates one secret of JSON for all the keys that the settings name in it", async () => {
  const secrets = { SLACK: "app/hooks:slack::", JIRA: "app/hooks:jira::", PLAIN: "app/plain" };
  const env = { SLACK: "one", JIRA: "two", PLAIN: "three" };
  expect(await created({ secrets }, env)).toEqual({
    "app/hooks": JSON.stringify({ slack: "one", jira: "two" }),
    "app/plain": "three",
    "dbward/local/database-url": "postgres://h/d",
  });
});
