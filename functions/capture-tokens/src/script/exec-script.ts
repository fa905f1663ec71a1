import { captureCalls, keptNames, type Plan, variables } from "./plan.ts";
import { compact, SHARED } from "./shell.ts";

/**
 * One run at a time in a container, and a minted token is kept in its /tmp until the secret has it: the same event delivered twice, or a
 * session lost before its answer arrived, gets the same token again. The server shows it once, and making another would revoke it.
 */
const EXEC = `
dir=/tmp/dbward-capture
emit() { echo "token $1 ok $2"; }
keep() { [ ! -d $dir ] || printf %s "$2" >"$dir/$1"; }
reuse() { # index, name
  t=$(cat "$dir/$2" 2>/dev/null)
  valid "$t" || return 1
  call "$t" "$url/api/agents"
  case $status in 200|403) emit "$1" "$t";; *) rm -f "$dir/$2"; return 1;; esac
}
lock() {
  mkdir -p $dir 2>/dev/null || return
  n=0
  until mkdir $dir/lock 2>/dev/null; do
    n=$((n + 1))
    [ $n -lt 300 ] || break
    sleep 0.1
  done
  trap 'rmdir $dir/lock 2>/dev/null' EXIT
}
forget() { # names to keep, with a space before and after each
  for f in $dir/*-*; do
    case "$1" in *" \${f##*/} "*) ;; *) rm -f "$f";; esac
  done
}
check() { # reads 'index token' lines: does the server take these tokens?
  while read -r i t && [ "$i" != end ]; do
    call "$t" "$url/api/agents"
    echo "check $i $status"
  done
}
`;

/** The script of method `exec`; {@link storedLines} is its standard input. It prints tokens: its output never leaves memory. */
export function execScript(plan: Plan): string {
  const { Port } = plan.request.properties;
  return compact(
    [
      variables(plan, `http://localhost:${Port}`),
      SHARED,
      EXEC,
      "await_server; lock",
      `forget ' ${keptNames(plan).join(" ")} '`,
      ...captureCalls(plan),
      "[ $server = down ] || check",
      "echo 'end - ok'",
    ].join("\n"),
  );
}

/** Tokens to ask the server about, by their index. */
export function storedLines(stored: Iterable<readonly [index: number, token: string]>): string {
  return `${[...stored].map(([index, token]) => `${index} ${token}\n`).join("")}end\n`;
}
