/**
 * Name of each agent's token that a capture creates, by which a later capture finds those that it has
 * superseded.
 */
const MINTED_TOKEN_NAME = "dbward-aws-capture";
/**
 * Tokens of captures that an agent keeps: the new one, the one that its running tasks still use, and one
 * whose answer may have been lost. That leaves two of the five that a subject may have.
 */
const KEPT_TOKENS = 3;
/** Most bytes of an answer of the server or of Secrets Manager that a script reads. */
const MAX_ANSWER_BYTES = 262_144;
/** Suffixes of the ids that are tried for the poller's user: the id of a deleted user can't be used again. */
const USER_SUFFIXES = ["", "-2", "-3", "-4", "-5"];

/** Any text, quoted as one word for the shell. */
export function quoteWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * Shell functions of both methods of capture, for `sh` (dash, bash, busybox) with awk and curl. No token is
 * ever an argument of a process or in a file: `printf` is built into the shell, and curl reads its header
 * from standard input.
 *
 * Each result is one line, `<what> <index of the token> <how> [details]`, which `report.ts` reads. Each
 * method has its own two functions: `emit` (index, token) returns or stores a token, `may_mint` (index)
 * decides whether tokens are created, or prints why not.
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
request() { # arguments of curl, its configuration on standard input: prints body and status
  curl -q -s -g -m 15 --max-filesize ${MAX_ANSWER_BYTES} --proto =http,https -K - -w ' %{http_code}' "$@" |
    head -c ${MAX_ANSWER_BYTES + 4} | tr -d '\\000\\r\\n'
}
split() { # output of request: sets status and body, in linear time
  body=\${1%????} status=$(printf '%s' "$1" | tail -c 3)
  case $status in [0-9][0-9][0-9]) ;; *) status=000;; esac
}
call() { # token, arguments of curl
  split "$(printf 'header = "Authorization: Bearer %s"\\n' "$1" | { shift; request --noproxy '*' "$@"; })"
}
say() { # as echo, but backslashes have no meaning
  printf '%s\\n' "$*"
}
send() { # method, path, json
  call "$admin" -X "$1" -H 'Content-Type: application/json' --data-binary "$3" "$url$2"
}
await_server() {
  n=0 server=up
  until curl -q -sf -g -m 2 --noproxy '*' -o /dev/null "$url/health"; do
    n=$((n + 1))
    [ $n -lt $tries ] || { server=down; break; }
    sleep 0.2
  done
  echo "server - $server"
}
load() { # file: sets v to the token in it, or to nothing
  v= size=
  [ -e "$state/$1" ] || return 0
  size=$(head -c 41 "$state/$1" | wc -c) && [ $((size)) -le 40 ] && v=$(head -c 40 "$state/$1")
  valid "$v" || v=
}
known=' '
hand() { # index, token: emits each token only once
  case $known in *" $2 "*) echo "token $1 same"; return;; esac
  known="$known$2 "
  emit "$1" "$2"
}
file() { # index, file
  load "$2"
  if [ -n "$v" ]; then hand "$1" "$v"
  elif [ ! -e "$state/$2" ]; then echo "token $1 missing"
  elif [ ! -r "$state/$2" ]; then echo "token $1 unreadable"
  else echo "token $1 malformed $(wc -c <"$state/$2") $(head -c 4 "$state/$2" | tr -cd 'A-Za-z0-9_')"
  fi
}
minted() { # index, subject: reads the token from the answer in body
  t=$(field "$body" token)
  if valid "$t"; then hand "$1" "$t"; return; fi
  error=$(field "$body" error)
  case $status in 2*) error='an answer without a token';; esac
  say "token $1 refused $status $2 $active $(field "$body" code | tr -cd 'a-z0-9._' | head -c 40 | grep . || echo -) $(printf %s "$error" | tr -cd ' -~' | head -c 200)"
}
mint() { # user or agent, index, name, role
  if [ $server = down ] || [ -z "$admin" ]; then echo "token $2 unasked"; return; fi
  may_mint "$2" || return 0
  active=0
  mint_$1 "$2" "$3" "$4"
}
mint_user() { # index, name, role
  for id in ${USER_SUFFIXES.map((suffix) => `"$2${suffix}"`).join(" ")}; do
    send POST /api/users "{\\"id\\":\\"$id\\",\\"roles\\":[\\"$3\\"]}"
    [ $status = 409 ] || break
    send PATCH "/api/users/$id" "{\\"roles\\":[\\"$3\\"]}"
    [ $status != 410 ] || continue
    [ $status != 200 ] || send POST "/api/users/$id/reissue-initial-token" '{}'
    break
  done
  minted "$1" "$id"
}
mint_agent() { # index, name
  send POST /api/tokens "{\\"subject_id\\":\\"$2\\",\\"subject_type\\":\\"agent\\",\\"name\\":\\"${MINTED_TOKEN_NAME}\\"}"
  [ $status != 400 ] || active=$(($(tokens_of "$2" | wc -l)))
  minted "$1" "$2"
  valid "$t" || return 0
  for id in $(tokens_of "$2" ${MINTED_TOKEN_NAME} | sort -r | tail -n +${KEPT_TOKENS + 1} | cut -d' ' -f2); do
    call "$admin" -X DELETE "$url/api/tokens/$id"
  done
}
tokens_of() { # agent, name of its tokens: 'time id' of each that is active
  call "$admin" "$url/api/tokens"
  printf '%s' "$body" | awk -v subject="\\"$1\\"" -v name="\\"$2\\"" '
    { s = s $0 }
    END {
      while (match(s, /"([^"\\\\]|\\\\.)*"|[{}]/)) {
        t = substr(s, RSTART, RLENGTH); s = substr(s, RSTART + RLENGTH)
        if (t == "{") { if (++depth == 2) split("", of); k = "" }
        else if (t == "}") { if (depth-- == 2) show() }
        else if (depth != 2) continue
        else if (substr(s, 1, 8) ~ /^[ \\t]*:/) k = t
        else if (k != "") { of[k] = t; k = "" }
      }
    }
    function show(  at, id) {
      at = of["\\"created_at\\""]; id = of["\\"id\\""]
      if (of["\\"subject_id\\""] != subject || of["\\"subject_type\\""] != "\\"agent\\"") return
      if (of["\\"status\\""] != "\\"active\\"" || (name != "\\"\\"" && of["\\"name\\""] != name)) return
      gsub(/"|Z"|[+]00:00"/, "", at); gsub(/"/, "", id)
      if (id !~ /[^0-9A-Za-z-]/ && at !~ /[^0-9T:.-]/) print at " " id
    }'
}
`;

/** A script without comments and indentation, because the length of a command is limited. */
export function compact(script: string): string {
  return script
    .split("\n")
    .map((line) => line.replace(/^\s+|\s+# .*$/g, ""))
    .filter((line) => line !== "" && !line.startsWith("# "))
    .join("\n");
}
