import { AGENT, BOOTSTRAP_AGENT_SUBJECT, METRICS_USER, OTHER_AGENTS } from "@dbward-aws/contract";

/** Environment variables that mean something in a container, by kind, and whose they are. */
const VARIABLES: readonly (readonly [pattern: RegExp, reader: string])[] = [
  [/^DBWARD_/, "variables that begin with DBWARD_ are read by dbward or set by the deployment"],
  [/^(RUST|TOKIO|SQLITE)_/, "it steers the program itself: the log filter is the setting rustLog"],
  [/^(AWS|ECS)_/, "variables that begin with AWS_ or ECS_ are read by the AWS SDK or set by ECS"],
  [
    /^PG(HOST|HOSTADDR|PORT|USER|PASSWORD|PASSFILE|DATABASE|APPNAME|OPTIONS|SSL.*|SERVICE.*)$/,
    "the PostgreSQL driver reads it",
  ],
  [
    /^((HTTP|HTTPS|ALL|NO)_PROXY|REQUEST_METHOD|SSL_CERT_(FILE|DIR)|CURL_.*|NETRC|SSLKEYLOGFILE)$/,
    "HTTP clients in the container read it",
  ],
  [
    /^(LD_.*|GCONV_PATH|GETCONF_DIR|GLIBC_.*|HOSTALIASES|LOCALDOMAIN|LOCPATH|MALLOC_.*|NLSPATH|RES_OPTIONS|RESOLV_.*|TZ|TZDIR|LANG|LANGUAGE|LC_.*)$/,
    "the C library reads it",
  ],
  [
    /^(PATH|HOME|HOSTNAME|PWD|OLDPWD|SHELL|SHELLOPTS|SHLVL|USER|LOGNAME|TERM|TMPDIR|IFS|ENV|CDPATH|PS[0-4]|OPT(ARG|IND|ERR)|PPID|MAIL.*|FPATH|HISTFILE|POSIXLY_CORRECT|BASH.*|M?AWK.*|_)$/,
    "the shell and the tools of the container read it",
  ],
];

/** Whose a container's environment variable is already, in words; `undefined` when its name is free. */
export function variableReader(name: string): string | undefined {
  if (name === AGENT.databaseUrlVariable)
    return "it holds the database URL of the agent, from database.urlSecret";
  return VARIABLES.find(([pattern]) => pattern.test(name))?.[1];
}

const AGENT_NAMES: Readonly<Record<string, string>> = {
  admin: "it is the administrator's, in dbward and in `pnpm ops tokens`",
  [BOOTSTRAP_AGENT_SUBJECT]:
    "it is the subject of dbward's bootstrap token, so that two agents would be one row in /api/agents",
  server: "commands and log groups mean the dbward server by it",
  metrics: "`pnpm ops tokens` means the poller's token by it",
  [METRICS_USER]: "it is the poller's user on the server",
  [OTHER_AGENTS]: "metrics mean the agents beyond perAgentMetrics by it",
};

/** What an agent's name means already, in words; `undefined` when it is free. */
export function agentNameMeaning(name: string): string | undefined {
  if (Object.hasOwn(AGENT_NAMES, name)) return AGENT_NAMES[name];
  return name.startsWith("bootstrap-")
    ? "dbward takes tokens with such a name for its own bootstrap tokens, and its next start is refused"
    : undefined;
}
