import { createHash } from "node:crypto";
import { captureCalls, type Plan, variables } from "./plan.ts";
import { compact, SHARED } from "./shell.ts";

/**
 * The server shows a new token only once, and creating another one may revoke it: of two runs for the same
 * event, only one creates the tokens. An empty directory marks which run that is. Nothing is read from it or
 * written into it, so that it does not matter who could.
 */
const EXEC = `
emit() { say "token $1 ok $2"; }
may_mint() { # index
  [ -n "$mine" ] || claim || { say "token $1 elsewhere"; return 1; }
}
claim() {
  mark=/tmp/dbward-capture.$event
  [ -d "$mark.$run" ] || mkdir "$mark" 2>/dev/null || [ $force = 1 ] || return
  mkdir "$mark.$run" 2>/dev/null
  mine=1
}
check() { # reads 'index token' lines: does the server accept these tokens?
  while read -r i t && [ "$i" != end ]; do
    call "$t" "$url/api/agents"
    say "check $i $status"
  done
}
`;

/** The run that a session belongs to. */
export interface ExecScriptOptions {
  /**
   * Id of the run, in hex digits: its later sessions create the tokens again when the answer of an earlier
   * one was lost.
   */
  readonly run: string;
  /** Create tokens although another run for the same event has begun to. */
  readonly force: boolean;
}

/**
 * The script of method `exec`; {@link storedLines} is its standard input. It prints tokens: its output must
 * stay in memory.
 */
export function execScript(plan: Plan, { run, force }: ExecScriptOptions): string {
  const { Port } = plan.request.properties;
  const event = createHash("sha256").update(plan.requestId).digest("hex").slice(0, 32);
  return compact(
    [
      variables(plan, `http://localhost:${Port}`),
      `event=${event} run=${run} force=${force ? 1 : 0} mine=`,
      SHARED,
      EXEC,
      "await_server",
      ...captureCalls(plan),
      "[ $server = down ] || check",
      "echo 'end - ok'",
    ].join("\n"),
  );
}

/** Tokens to check with the server, by their index. */
export function storedLines(stored: Iterable<readonly [index: number, token: string]>): string {
  return `${[...stored].map(([index, token]) => `${index} ${token}\n`).join("")}end\n`;
}
