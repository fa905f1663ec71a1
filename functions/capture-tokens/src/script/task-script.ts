import { versionId } from "../token-store.ts";
import { captureCalls, type Plan, variables } from "./plan.ts";
import { compact, SHARED } from "./shell.ts";

/**
 * The task itself writes the secrets: curl signs the calls with the task's own role. Credentials and tokens go to curl through
 * standard input. Nothing is kept, as there is no file system to write to; that no second task runs is up to RunTask's client token.
 */
const TASK = `
keep() { :; }
reuse() { return 1; }
credentials() {
  key=\${AWS_ACCESS_KEY_ID:-} secret=\${AWS_SECRET_ACCESS_KEY:-} session=\${AWS_SESSION_TOKEN:-}
  [ -z "$key" ] || return 0
  json=$(curl -q -s -m 5 --noproxy '*' "http://169.254.170.2\${AWS_CONTAINER_CREDENTIALS_RELATIVE_URI:-}")
  key=$(field "$json" AccessKeyId) secret=$(field "$json" SecretAccessKey) session=$(field "$json" Token)
}
emit() { # index, token
  out=$(printf '%s\\n' "user = \\"$key:$secret\\"" \${session:+"header = \\"x-amz-security-token: $session\\""} \\
    "data-binary = \\"{\\\\\\"SecretId\\\\\\":\\\\\\"$(arn $1)\\\\\\",\\\\\\"ClientRequestToken\\\\\\":\\\\\\"$(version $1)\\\\\\",\\\\\\"SecretString\\\\\\":\\\\\\"$2\\\\\\"}\\"" |
    curl -q -s -m 15 --retry 4 -K - --aws-sigv4 "aws:amz:$region:secretsmanager" -w ' %{http_code}' \\
      -H 'content-type: application/x-amz-json-1.1' -H 'x-amz-target: secretsmanager.PutSecretValue' "$endpoint/" |
    tr -d '\\r\\n')
  case \${out##* } in 200) echo "token $1 stored";; *) echo "token $1 unstored \${out##* } \${out% *}";; esac
}
`;

/** What the script must know of where it runs. */
export interface TaskScriptOptions {
  readonly requestId: string;
  readonly region: string;
}

/** The command of method `task`: it stores tokens and prints none. */
export function taskScript(plan: Plan, { requestId, region }: TaskScriptOptions): string {
  const { tokens, properties } = plan.request;
  const { ServerUrl, SecretsEndpoint } = properties.CaptureTask!;
  const table = (name: string, of: (secret: string) => string) =>
    `${name}() { case $1 in ${[...plan.missing]
      .map((token) => `${tokens.indexOf(token)}) echo ${of(token.secret)};;`)
      .join(" ")} esac; }`;
  return compact(
    [
      variables(plan, ServerUrl),
      `region=${region} endpoint=\${AWS_ENDPOINT_URL_SECRETS_MANAGER:-\${AWS_ENDPOINT_URL:-${SecretsEndpoint}}}`,
      table("arn", (secret) => `'${secret}'`),
      table("version", (secret) => versionId(requestId, secret, "")),
      SHARED,
      TASK,
      "credentials; await_server",
      ...captureCalls(plan),
      "echo 'end - ok'",
    ].join("\n"),
  );
}
