import { METRICS_USER, stageNames } from "@dbward-aws/contract";
import { type StageSettings, serverCommand } from "@dbward-aws/settings";
import { type TokenSecret, tokenSecrets } from "./secret-state.ts";

/** How a person replaces one token by a new one, in the order in which nobody is cut off for longer than needed. */
export function rotationSteps(settings: StageSettings, token: TokenSecret): readonly string[] {
  const { stage } = settings;
  const put = (secret: string) =>
    `aws secretsmanager put-secret-value --secret-id ${secret} --secret-string file://FILE`;
  switch (token.kind) {
    case "agent":
      return [
        `Make the new token, with the admin token: POST /api/tokens {"subject_id":"${token.owner}","subject_type":"agent","name":"${token.owner}"}`,
        `Put its value into a file, without a line end, and run: ${put(token.secret)}. Delete the file.`,
        `Let the agent take it: pnpm ops restart agent ${token.owner} --stage ${stage}`,
        "When the agent shows up healthy, revoke the old one: its id is in GET /api/tokens; DELETE /api/tokens/ID.",
      ];
    case "metrics":
      return [
        `Ask the server for a new token, with the admin token: POST /api/users/${METRICS_USER}/reissue-initial-token. The old one stops working at once.`,
        `Put its value into a file, without a line end, and run: ${put(token.secret)}. Delete the file.`,
        `The poller reads the new one after its next refusal. See: pnpm ops tokens --stage ${stage}`,
      ];
    case "admin":
      return bootstrapSteps(settings, put);
  }
}

/** Only a start with `--force-bootstrap` makes a new admin token, and with it a new agent token. */
function bootstrapSteps(settings: StageSettings, put: (secret: string) => string): readonly string[] {
  const { stage, server, agents } = settings;
  const names = stageNames(stage);
  const scale = (count: number) =>
    `aws ecs update-service --cluster ${names.cluster} --service ${names.serverService} --desired-count ${count}`;
  const [shell, flag, script] = serverCommand(server.config);
  const overrides = JSON.stringify({
    containerOverrides: [{ name: "server", command: [shell, flag, `${script} --force-bootstrap`] }],
  });
  const bootstrap = tokenSecrets(settings, names).filter(
    ({ kind, owner }) => kind === "admin" || (kind === "agent" && owner === agents[0]?.name),
  );
  return [
    "Know what it costs: all bootstrap tokens are revoked, and agents that hold one are refused until the last step. " +
      "Never delete or move the token files by hand: the server does not start without them.",
    `Stop the server, so that no two of them write to its database: ${scale(0)}`,
    `Write this to overrides.json:\n${overrides}`,
    `Run one task of the server's task definition with it, in the service's subnets and security groups (aws ecs run-task ` +
      "… --overrides file://overrides.json), until its log says that the tokens were written; then stop it.",
    `Start the server: ${scale(1)}`,
    `Read the new files of its state directory through ECS Exec, and put each into its secret: ${bootstrap.map(({ secret }) => put(secret)).join("; ")}`,
    `Let the agent take its token: pnpm ops restart agent ${agents[0]?.name} --stage ${stage}; then see: pnpm ops tokens --stage ${stage}`,
  ];
}
