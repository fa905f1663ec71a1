import { InputTooLarge } from "./errors.ts";

/**
 * Longest command line in bytes: what Session Manager allows for the value of a session's parameter
 * (`SessionManagerParameterValue` in the API of SSM).
 */
const MAX_COMMAND_LINE = 65_535;

/** Bytes of the command's standard error that are kept: the last ones. */
export const MAX_STDERR = 65_536;

/** Tenths of a second for which a finished command line waits for {@link RECEIPT}; a terminal takes at most 255. */
const RECEIPT_TIMEOUT = 200;

/** To be typed when everything has come. Without it the finished command line goes on waiting; that is all. */
export const RECEIPT = Buffer.from("\n");

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
 * The command line that runs a script so that its output arrives exactly, with its exit code, although a terminal
 * lies in between. ECS splits it into words and starts it without a shell.
 *
 * On the terminal appear, each on a line of its own:
 *
 * - `@<nonce>:ready:<tool>`, only with standard input: send it now, see `encodeInput`;
 * - `@<nonce>:begin:<tool>`, then the script's standard output as the tool encodes it;
 * - `@<nonce>:end`, then the exit code, the line of `cksum` (with base64), and the encoded standard error;
 * - `@<nonce>:done`: type {@link RECEIPT} now.
 *
 * `@` appears in nothing that the tools write. `@<nonce>:unsupported` and `@<nonce>:damaged` stand for all of it when
 * the container lacks the tools, or when standard input arrived damaged: then the script is not run.
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
 * A shell script without single quotes and line ends, so that it is one word in single quotes to every splitter.
 *
 * Descriptors: 5 standard error of the script, 7 its exit code and checksum, 8 its output on the way to base64,
 * 9 the terminal. The script itself sees none of them.
 */
function wrapper({ script, nonce, hasStdin }: FramedCommand): string {
  return [
    "exec 9>&1",
    `n=@${nonce}`,
    `c=$(printf %b "${escapeScript(script)}")`,
    'h() { for t; do command -v "$t" >/dev/null 2>&1 || return 1; done; }',
    "if h base64 cksum tee tail && [ -w /dev/fd/9 ]; then e=base64; elif h od tail; then e=od; " +
      'else echo "$n:unsupported"; exit; fi',
    ...(hasStdin ? readInput : ["r() { x </dev/null; }"]),
    'x() { /bin/sh -c "$c" 2>&5 5>&- 7>&- 8>&- 9>&-; echo "$?" >&7; }',
    // Output is encoded, and summed up on its way there.
    "s() { r | tee /dev/fd/8 | cksum >&7; }",
    "b() { if [ $e = od ]; then r | od -Ad -v -tx1 >&9; else s 8>&1 | base64 >&9; fi; }",
    // Standard error is kept until the output is through: two streams would mix on the terminal.
    `m() { b 5>&1 | tail -c ${MAX_STDERR} | if [ $e = od ]; then od -An -v -tx1; else base64; fi; }`,
    'echo "$n:begin:$e"',
    'o=$(exec 7>&1; v=$(m); echo "$v")',
    'printf "\\n%s:end\\n%s\\n%s:done\\n" "$n" "$o" "$n"',
    // The agent gives what is still on its way two seconds once the command is gone: so it stays for the receipt, or
    // without stty for a second.
    `stty -icanon min 0 time ${RECEIPT_TIMEOUT} 2>/dev/null && read -r l || sleep 1`,
  ].join("; ");
}

/** Gathers lines up to `.<count of characters>`, and feeds what they encode to the script. */
const readInput: readonly string[] = [
  // Without echo, input is on the terminal only once: a log of the session must not hold it.
  "stty -echo 2>/dev/null",
  'echo "$n:ready:$e"',
  'i=; while IFS= read -r l; do case $l in .*) break;; esac; i="$i$l"; done',
  `if [ "\${l#.}" != "\${#i}" ]; then echo "$n:damaged"; exit; fi`,
  'f() { if [ $e = od ]; then printf %b "$i"; else printf %s "$i" | base64 -d; fi; }',
  "r() { f 2>/dev/null 5>&- 7>&- 8>&- 9>&- | x; }",
];

/** Everything that a shell, a splitter of words or a terminal could take for its own becomes an octal escape. */
function escapeScript(script: string): string {
  if (script.includes("\0")) throw new RangeError("A script can't contain a NUL character");
  return Buffer.from(script)
    .toString("latin1")
    .replace(/[^A-Za-z0-9 _.,:;=+/@%^~?*()[\]{}<>|&-]/g, octal);
}

function octal(character: string): string {
  return `\\0${character.charCodeAt(0).toString(8).padStart(3, "0")}`;
}
