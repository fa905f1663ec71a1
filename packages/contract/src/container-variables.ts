/** Names of environment variables that are already in use in a container, with the reason. */
const VARIABLES: readonly (readonly [pattern: RegExp, reader: string])[] = [
  [/^DBWARD_/, "variables that begin with DBWARD_ are read by dbward or set by the deployment"],
  [/^(RUST|TOKIO|SQLITE)_/, "it configures the program itself; the setting rustLog sets the log filter"],
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

/** Why a container's environment variable can't have this name; `undefined` when it can. */
export function variableReader(name: string): string | undefined {
  return VARIABLES.find(([pattern]) => pattern.test(name))?.[1];
}
