import { agentSubject, SERVER, stageNames } from "@dbward-aws/contract";
import { serverCommand } from "@dbward-aws/dbward-config";
import { type StageSettings, serverContainer } from "@dbward-aws/settings";
import { type TokenSecret, tokenSecrets } from "./secret-state.ts";

/** How a person replaces one token by a new one, in the order in which nobody is cut off for longer than needed. */
export function rotationSteps(settings: StageSettings, token: TokenSecret): readonly string[] {
  const { stage, agents } = settings;
  const { kind, owner, secret } = token;
  if (kind === "admin") return bootstrapSteps(settings);
  const recapture = `Have the capture ask the server for a new one: pnpm ops tokens recapture --stage ${stage}`;
  if (kind === "metrics")
    return [
      `Empty the secret: ${emptySecret(secret)}`,
      `${recapture}. The old one stops working at once.`,
      `The poller reads the new one after its next refusal. See: pnpm ops status --stage ${stage}`,
    ];
  const use = `Let the agent take it: pnpm ops restart agent ${owner} --stage ${stage}`;
  if (owner !== agents[0]?.name)
    return [
      `Empty the secret: ${emptySecret(secret)}`,
      recapture,
      use,
      "When the agent shows up healthy, revoke the old one: its id is in GET /api/tokens; DELETE /api/tokens/ID.",
    ];
  // Its token is the bootstrap one: the capture would read the same file again.
  return [
    `Make the new token, with the admin token: POST /api/tokens {"subject_id":"${agentSubject(owner, true)}","subject_type":"agent","name":"${owner}"}`,
    `Put its value into a file, without a line end, and run: ${putSecret(secret)}. Delete the file.`,
    use,
    "The bootstrap token goes on working: the server neither lists nor revokes it by its API. To end it, rotate the admin token: " +
      `pnpm ops tokens rotate admin --stage ${stage}`,
  ];
}

/** Only a start with `--force-bootstrap` makes a new admin token, and with it a new token of the first agent. */
function bootstrapSteps(settings: StageSettings): readonly string[] {
  const { stage, server, agents } = settings;
  const names = stageNames(stage);
  const scale = (count: number) =>
    `aws ecs update-service --cluster ${names.cluster} --service ${names.serverService} --desired-count ${count}`;
  const [shell, flag, script] = serverCommand(serverContainer(server));
  const overrides = JSON.stringify({
    containerOverrides: [{ name: SERVER.container, command: [shell, flag, `${script} --force-bootstrap`] }],
  });
  const revoked = tokenSecrets(settings, names).filter(
    ({ kind, owner }) => kind === "admin" || (kind === "agent" && owner === agents[0]?.name),
  );
  return [
    "Know what it costs: all bootstrap tokens are revoked, and the agent that holds one is refused until the last step. " +
      "Never delete or move the token files by hand: the server does not start without them.",
    `Stop the server, so that no two of them write to its database: ${scale(0)}`,
    `Write this to overrides.json:\n${overrides}`,
    "Run one task of the server's task definition with it, in the service's subnets and security groups (aws ecs run-task " +
      "… --overrides file://overrides.json), until its log says that the tokens were written; then stop it.",
    `Start the server: ${scale(1)}`,
    `Empty the secrets: ${revoked.map(({ secret }) => emptySecret(secret)).join("; ")}`,
    `Have the capture read the new files: pnpm ops tokens recapture --stage ${stage}`,
    `Let the agent take its token: pnpm ops restart agent ${agents[0]?.name} --stage ${stage}`,
  ];
}

/** To the capture, nothing but white space is an empty secret; Secrets Manager takes no shorter value. */
function emptySecret(secret: string): string {
  return `aws secretsmanager put-secret-value --secret-id ${secret} --secret-string " "`;
}

/** The value comes from a file: an argument would stay in the shell's history. */
function putSecret(secret: string): string {
  return `aws secretsmanager put-secret-value --secret-id ${secret} --secret-string file://FILE`;
}
