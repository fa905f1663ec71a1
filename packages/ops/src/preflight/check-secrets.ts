import type { StageSettings } from "@dbward-aws/settings";
import type { AwsClients } from "../aws-clients.ts";
import { describeSecret } from "../secret-state.ts";
import type { PreflightFindings } from "./findings.ts";

/** The secrets that a person makes: each has to be there, with a value, or the tasks that name it can't start. */
export async function checkSecrets(
  settings: StageSettings,
  clients: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  const wanted = new Map<string, string>();
  const want = (secret: string, use: string) =>
    wanted.set(secret, wanted.has(secret) ? `${wanted.get(secret)}, ${use}` : use);
  const { server, agents } = settings;
  if (server.licenseKeySecret) want(server.licenseKeySecret, "server.licenseKeySecret");
  for (const [variable, secret] of Object.entries(server.secrets)) want(secret, `server.secrets.${variable}`);
  for (const agent of agents) {
    want(agent.database.urlSecret, `database URL of agent ${agent.name}`);
    for (const [variable, secret] of Object.entries(agent.secrets))
      want(secret, `secrets.${variable} of agent ${agent.name}`);
  }

  await Promise.all(
    [...wanted].map(async ([name, use]) => {
      const { state } = await describeSecret(clients, name);
      // The value comes from a file: an argument would stay in the shell's history.
      if (state === "missing")
        findings.refuse(
          `Secret ${name} (${use}) is missing. Put its value into a file, and run: ` +
            `aws secretsmanager create-secret --name ${name} --secret-string file://FILE`,
        );
      if (state === "empty")
        findings.refuse(
          `Secret ${name} (${use}) has no value. Put it into a file, and run: ` +
            `aws secretsmanager put-secret-value --secret-id ${name} --secret-string file://FILE`,
        );
      if (state === "being-deleted")
        findings.refuse(
          `Secret ${name} (${use}) is scheduled for deletion. Run: aws secretsmanager restore-secret --secret-id ${name}`,
        );
    }),
  );
}
