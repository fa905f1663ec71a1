import { versionId } from "../token-store.ts";
import { captureCalls, type Plan, variables } from "./plan.ts";
import { compact, quoteWord, SHARED } from "./shell.ts";

/** Seconds between two tries of a call that is refused. */
const PAUSE_SECONDS = 2;

/**
 * The task itself writes the secrets: curl signs the calls with the credentials of the task's role.
 * Credentials and tokens are sent to curl's standard input. The client token of RunTask ensures that only one
 * task runs.
 */
const TASK = `
may_mint() { :; }
credentials() {
  key=\${AWS_ACCESS_KEY_ID:-} secret=\${AWS_SECRET_ACCESS_KEY:-} session=\${AWS_SESSION_TOKEN:-}
  [ -z "$key" ] || return 0
  json=$(curl -q -s -m 5 --noproxy '*' "http://169.254.170.2\${AWS_CONTAINER_CREDENTIALS_RELATIVE_URI:-}" | head -c 65536)
  key=$(field "$json" AccessKeyId) secret=$(field "$json" SecretAccessKey) session=$(field "$json" Token)
}
put() { # index, token
  split "$(printf '%s\\n' "user = \\"$key:$secret\\"" \${session:+"header = \\"x-amz-security-token: $session\\""} \\
    "data-binary = \\"{\\\\\\"SecretId\\\\\\":\\\\\\"$(arn $1)\\\\\\",\\\\\\"ClientRequestToken\\\\\\":\\\\\\"$(version $1)\\\\\\",\\\\\\"SecretString\\\\\\":\\\\\\"$2\\\\\\"}\\"" |
    request --retry 4 --aws-sigv4 "aws:amz:$region:secretsmanager" \\
      -H 'content-type: application/x-amz-json-1.1' -H 'x-amz-target: secretsmanager.PutSecretValue' "$endpoint/")"
}
emit() { # index, token: repeats a refused call until a new permission takes effect
  n=0
  while put "$1" "$2"; do
    case $status$body in 400*AccessDenied*) ;; *) break;; esac
    n=$((n + 1))
    [ $n -lt $rights ] || break
    sleep ${PAUSE_SECONDS}
  done
  case $status in
    200) say "token $1 stored";;
    *) say "token $1 unstored $status $(field "$body" __type) $(field "$body" [Mm]essage | tr -cd ' -~' | head -c 200)";;
  esac
}
`;

/** What the script needs to know of its environment. */
export interface TaskScriptOptions {
  readonly region: string;
  /** Seconds for which a refused call of Secrets Manager is repeated. */
  readonly rightsSeconds: number;
}

/** The command of method `task`: it stores tokens, and prints none. */
export function taskScript(plan: Plan, { region, rightsSeconds }: TaskScriptOptions): string {
  const { tokens, properties } = plan.request;
  const { ServerUrl, SecretsEndpoint } = properties.CaptureTask!;
  const table = (name: string, of: (secret: string) => string) =>
    `${name}() { case $1 in ${[...plan.missing]
      .map((token) => `${tokens.indexOf(token)}) echo ${quoteWord(of(token.secret))};;`)
      .join(" ")} esac; }`;
  return compact(
    [
      variables(plan, ServerUrl),
      `region=${quoteWord(region)} rights=${Math.ceil(rightsSeconds / PAUSE_SECONDS)}`,
      `endpoint=\${AWS_ENDPOINT_URL_SECRETS_MANAGER:-\${AWS_ENDPOINT_URL:-${quoteWord(SecretsEndpoint)}}}`,
      table("arn", (secret) => secret),
      table("version", (secret) => versionId(plan.requestId, secret, "")),
      SHARED,
      TASK,
      "credentials; await_server",
      ...captureCalls(plan),
      "echo 'end - ok'",
    ].join("\n"),
  );
}
