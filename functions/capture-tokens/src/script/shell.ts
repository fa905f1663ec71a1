/**
 * Shell functions that both methods of capture share, for a bare POSIX `sh` with awk and curl. No token is ever an argument of a
 * process: `printf` is part of the shell, and curl reads its header from standard input.
 *
 * Each answer is one line, `<what> <index of the token> <how> [details]`; `report.ts` reads them. Three functions are
 * each method's own: `emit` (index, token) hands a token on, `keep` (name, token) and `reuse` (index, name) save a minted one from
 * getting lost before it is stored.
 */
export const SHARED = `
LC_ALL=C; export LC_ALL; umask 077; trap 'exit 129' HUP INT TERM

valid() { # token
  [ \${#1} -eq 36 ] || return 1
  case $1 in dbw_*) ;; *) return 1;; esac
  case \${1#dbw_} in *[!0-9a-f]*) return 1;; esac
}
field() { # json, name of a member: its value, a string without escapes
  printf '%s' "$1" | awk -v k="\\"$2\\"[ \\t]*:[ \\t]*\\"" '
    match($0, k) { s = substr($0, RSTART + RLENGTH); sub(/".*/, "", s); print s; exit }'
}
call() { # token, arguments of curl: sets status and body
  out=$(printf 'header = "Authorization: Bearer %s"\\n' "$1" | {
    shift
    curl -q -s -m 15 --noproxy '*' -K - -w ' %{http_code}' "$@"
  } | tr -d '\\r\\n')
  status=\${out##* } body=\${out% *}
}
post() { # path, json
  call "$admin" -X POST -H 'Content-Type: application/json' --data-binary "$2" "$url$1"
}
await_server() {
  n=0 server=up
  until curl -q -sf -m 2 --noproxy '*' -o /dev/null "$url/health"; do
    n=$((n + 1))
    [ $n -lt $tries ] || { server=down; break; }
    sleep 0.2
  done
  echo "server - $server"
}
load() { # file: sets v to the token in it, or to nothing
  v= size=
  [ -e "$state/$1" ] || return 0
  size=$(wc -c <"$state/$1") && [ $((size)) -le 40 ] && v=$(cat "$state/$1")
  valid "$v" || v=
}
file() { # index, file
  load "$2"
  if [ -n "$v" ]; then emit "$1" "$v"
  elif [ ! -e "$state/$2" ]; then echo "token $1 missing"
  elif [ -z "$size" ]; then echo "token $1 unreadable"
  else echo "token $1 malformed $((size)) $(head -c 4 "$state/$2" | tr -cd 'A-Za-z0-9_')"
  fi
}
minted() { # index, name: takes the token out of the answer in body
  t=$(field "$body" token)
  if valid "$t"; then keep "$2" "$t"; emit "$1" "$t"; return; fi
  case $status in 2*) body='an answer without a token';; esac
  echo "token $1 refused $status $body"
}
mint() { # user or agent, index, name, role
  if [ $server = down ] || [ -z "$admin" ]; then echo "token $2 unasked"; return; fi
  reuse "$2" "$1-$3" && return
  if [ $1 = agent ]; then
    post /api/tokens "{\\"subject_id\\":\\"$3\\",\\"subject_type\\":\\"agent\\",\\"name\\":\\"$3\\"}"
  else
    post /api/users "{\\"id\\":\\"$3\\",\\"roles\\":[\\"$4\\"]}"
    [ "$status" != 409 ] || post "/api/users/$3/reissue-initial-token" '{}'
  fi
  minted "$2" "$1-$3"
}
`;

/** A script without its comments and indentation: it has to fit into a command. */
export function compact(script: string): string {
  return script
    .split("\n")
    .map((line) => line.replace(/^\s+|\s+# .*$/g, ""))
    .filter((line) => line !== "" && !line.startsWith("# "))
    .join("\n");
}
