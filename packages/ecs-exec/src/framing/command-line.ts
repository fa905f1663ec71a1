import { InputTooLarge } from "./errors.ts";

/**
 * Longest command line in bytes: what Session Manager allows for the value of a session's parameter
 * (`SessionManagerParameterValue` in the API of SSM).
 */
const MAX_COMMAND_LINE = 65_535;

/** Bytes of the command's standard error that are kept: the last ones. */
export const MAX_STDERR = 65_536;

/**
 * Seconds for which a finished command line waits for {@link RECEIPT}: at least, for each 16 KiB of output in
 * base64 in addition, and at most. The agent sends about ten lost messages a second again, so that the end of
 * long output takes its time on a bad line.
 */
const RECEIPT_TIMEOUT = { least: 20, most: 300, bytesASecond: 16_384 } as const;

/** Sent when everything has arrived: it ends the command line, and with it the session. */
export const RECEIPT = Buffer.from("\n");

/** Sent in answer to the line `sync`. */
export const SYNC = Buffer.from("\n");

/** What goes into a framed command line. */
export interface FramedCommand {
  /** Text of a POSIX shell script. It is part of the command line, which CloudTrail records: no secrets. */
  readonly script: string;
  /** Marks our own lines on the terminal; fresh for each command. Hex digits. */
  readonly nonce: string;
  /** Whether the command gets standard input; else it reads from /dev/null. */
  readonly hasStdin: boolean;
}

/**
 * The command line that runs a script so that its output arrives exactly, with its exit code, although a
 * terminal is in between. ECS splits it into words and starts it without a shell.
 *
 * On the terminal appear, each on a line of its own:
 *
 * - `@<nonce>:ready:<tool>`, only with standard input: send it now, see `encodeInput`;
 * - `@<nonce>:sync`, only with standard input and without `stty`: send {@link SYNC} now;
 * - `@<nonce>:begin:<tool>`, then the script's standard output as the tool encodes it;
 * - `@<nonce>:end`, then the exit code, the line of `cksum` (with base64), and the encoded standard error;
 * - `@<nonce>:done`: send {@link RECEIPT} now.
 *
 * `@` appears in nothing that the tools write. `@<nonce>:unsupported` and `@<nonce>:damaged` stand for all of
 * it when the container lacks the tools, or when standard input did not arrive as it was sent: then the
 * script is not run.
 *
 * @throws InputTooLarge when it is longer than a session's parameter may be
 * @throws RangeError when the script contains a NUL character
 */
export function frameCommand(command: FramedCommand): string {
  const line = `/bin/sh -c '${wrapper(command)}'`;
  if (line.length > MAX_COMMAND_LINE)
    throw new InputTooLarge(
      `its command line has ${line.length} bytes, at most ${MAX_COMMAND_LINE} are possible`,
    );
  return line;
}

/**
 * A shell script without single quotes and line ends, so that it is one word in single quotes to every
 * splitter.
 *
 * Descriptors: 5 standard error of the script, 7 its exit code and checksum, 8 its output on the way to
 * base64, 9 the terminal. The script itself sees none of them.
 */
function wrapper({ script, nonce, hasStdin }: FramedCommand): string {
  return [
    "exec 9>&1",
    `n=@${nonce}`,
    `c=$(printf %b "${escapeScript(script)}")`,
    'h() { for t; do command -v "$t" >/dev/null 2>&1 || return 1; done; }',
    "if h base64 cksum tee tail && [ -w /dev/fd/9 ]; then e=base64; " +
      'elif h od tail; then e=od; else echo "$n:unsupported"; exit; fi',
    ...(hasStdin ? readInput : ["r() { x </dev/null; }"]),
    // In the background, as it is needed only at the end: the receipt is not echoed, and waiting for it is
    // the terminal's own timer.
    "stty -echo -icanon min 0 time 200 <&9 >/dev/null 2>&1 9>&- & t=$!",
    'x() { /bin/sh -c "$c" 2>&5 5>&- 7>&- 8>&- 9>&-; echo "$?" >&7; }',
    // Output is encoded, and summed up on its way there.
    "s() { r | tee /dev/fd/8 | cksum >&7; }",
    "b() { if [ $e = od ]; then r | od -Ad -v -tx1 >&9; else s 8>&1 | base64 >&9; fi; }",
    // Standard error is kept until the output is through: two streams would mix on the terminal.
    `m() { b 5>&1 | tail -c ${MAX_STDERR} | if [ $e = od ]; then od -An -v -tx1; else base64; fi; }`,
    'echo "$n:begin:$e"',
    'o=$(exec 7>&1; v=$(m); echo "$v")',
    "wait $t; t=$?",
    'printf "\\n%s:end\\n%s\\n%s:done\\n" "$n" "$o" "$n"',
    ...awaitReceipt,
  ].join("; ");
}

/**
 * Gathers lines up to the one with the checksums, compares what they encode with those, and feeds that to the
 * script.
 */
const readInput: readonly string[] = [
  'if h cksum; then k=cksum; elif h sha256sum; then k=sha256sum; else echo "$n:unsupported"; exit; fi',
  // Without echo, input is on the terminal only once: a log of the session must not hold it.
  "stty -echo 2>/dev/null; t=$?",
  'echo "$n:ready:$e"',
  // An altered line end or full stop must not make it wait for another last line: no line of data has a full
  // stop or a space.
  'i=; while IFS= read -r l; do case $l in *.*|*" "*) break;; esac; i="$i$l"; done',
  'f() { if [ $e = od ]; then printf %b "$i"; else printf %s "$i" | base64 -d; fi; }',
  "set -- $(f 2>/dev/null | $k)",
  'case $l in ".$1 $2 "*|*" $1") ;; *) echo "$n:damaged"; exit;; esac',
  // The terminal may delay an echo while nobody reads its output. When the client has read everything up to
  // this line, the echo of its answer, and everything that was delayed, comes before the next line that is
  // written.
  'if [ $t != 0 ]; then echo "$n:sync"; read -r l; fi',
  "r() { f 2>/dev/null 5>&- 7>&- 8>&- 9>&- | x; }",
];

/**
 * After the command ends, the agent delivers what is still in transit for a few seconds only, so the command
 * line waits until the client has everything. `stty` gives it a read that ends every 20 s; without it a
 * process in the background ends the wait.
 */
const awaitReceipt: readonly string[] = [
  `w=${RECEIPT_TIMEOUT.least}`,
  `if [ $e = base64 ]; then set -- $o; w=$((w+$3/${RECEIPT_TIMEOUT.bytesASecond})); [ $w -le ${RECEIPT_TIMEOUT.most} ] || w=${RECEIPT_TIMEOUT.most}; fi`,
  "if [ $t = 0 ]; then until read -r l || [ $w -le 20 ]; do w=$((w-20)); done; " +
    "else { sleep $w; kill $$; } >/dev/null 2>&1 9>&- & read -r l; kill $! 2>/dev/null; fi",
];

/**
 * Everything that a shell, a splitter of words or a terminal could take for its own becomes an octal escape.
 */
function escapeScript(script: string): string {
  if (script.includes("\0")) throw new RangeError("A script can't contain a NUL character");
  return Buffer.from(script)
    .toString("latin1")
    .replace(/[^A-Za-z0-9 _.,:;=+/@%^~?*()[\]{}<>|&-]/g, octal);
}

function octal(character: string): string {
  return `\\0${character.charCodeAt(0).toString(8).padStart(3, "0")}`;
}
