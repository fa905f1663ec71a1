/** What a call of curl asks for. */
export interface CurlOptions {
  url: string | undefined;
  method: string | undefined;
  readonly headers: Headers;
  data: string | undefined;
  /** `key:secret` */
  user: string | undefined;
  /** `aws:amz:<region>:<service>` */
  awsSigv4: string | undefined;
  /** File for the answer's body. @default - standard output */
  output: string | undefined;
  writeOut: string;
  /** A status of 400 or above is a failure, and its body is left out. */
  fail: boolean;
  maxTimeSeconds: number | undefined;
  retries: number;
}

/** Arguments that this curl does not know. */
export class UnknownOption extends Error {}

type Setter = (options: CurlOptions, value: string) => void;

/** Options with a value; `config` is dealt with while they are read. */
const VALUES: Readonly<Record<string, Setter>> = {
  url: (options, value) => {
    options.url = value;
  },
  request: (options, value) => {
    options.method = value;
  },
  header: ({ headers }, value) => {
    const colon = value.indexOf(":");
    headers.append(value.slice(0, colon), value.slice(colon + 1).trim());
  },
  "data-binary": (options, value) => {
    options.data = value;
  },
  user: (options, value) => {
    options.user = value;
  },
  "aws-sigv4": (options, value) => {
    options.awsSigv4 = value;
  },
  output: (options, value) => {
    options.output = value;
  },
  "write-out": (options, value) => {
    options.writeOut = value;
  },
  "max-time": (options, value) => {
    options.maxTimeSeconds = Number(value);
  },
  retry: (options, value) => {
    options.retries = Number(value);
  },
  noproxy: () => undefined, // it never uses a proxy
};

const SWITCHES: Readonly<Record<string, (options: CurlOptions) => void>> = {
  disable: () => undefined, // it reads no configuration file of its own
  silent: () => undefined,
  "show-error": () => undefined,
  fail: (options) => {
    options.fail = true;
  },
};

const LONG_NAMES: Readonly<Record<string, string>> = {
  q: "disable",
  s: "silent",
  S: "show-error",
  f: "fail",
  X: "request",
  H: "header",
  u: "user",
  o: "output",
  w: "write-out",
  m: "max-time",
  K: "config",
};

/**
 * Reads curl's arguments, as far as the commands of this repository's containers use them.
 *
 * @param readConfig text of the file that `--config` names; `-` is standard input
 * @throws UnknownOption
 */
export function readOptions(args: readonly string[], readConfig: (file: string) => string): CurlOptions {
  const options: CurlOptions = {
    url: undefined,
    method: undefined,
    headers: new Headers(),
    data: undefined,
    user: undefined,
    awsSigv4: undefined,
    output: undefined,
    writeOut: "",
    fail: false,
    maxTimeSeconds: undefined,
    retries: 0,
  };
  const rest = [...args];
  const set = (name: string, value: () => string | undefined): void => {
    const take = SWITCHES[name];
    if (take) {
      take(options);
      return;
    }
    const setter = name === "config" ? readConfigFile : VALUES[name];
    if (!setter) throw new UnknownOption(`option --${name}: is unknown to this curl`);
    const given = value();
    if (given === undefined) throw new UnknownOption(`option --${name}: requires parameter`);
    setter(options, given);
  };
  const readConfigFile: Setter = (_options, file) => {
    for (const [name, value] of configLines(readConfig(file))) set(name, () => value);
  };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word.startsWith("--")) set(word.slice(2), () => rest.shift());
    else if (word.startsWith("-") && word.length > 1) readShort(word.slice(1), set, () => rest.shift());
    else options.url = word;
  }
  return options;
}

/** `-sf`, `-m 15`, `-m15` */
function readShort(
  letters: string,
  set: (name: string, value: () => string | undefined) => void,
  next: () => string | undefined,
): void {
  for (let index = 0, taken = false; index < letters.length && !taken; index++) {
    const letter = letters[index] ?? "";
    const name = LONG_NAMES[letter];
    if (!name) throw new UnknownOption(`option -${letter}: is unknown to this curl`);
    set(name, () => {
      taken = true;
      return letters.slice(index + 1) || next();
    });
  }
}

/** Lines `name = "value"`, in which a backslash takes the next character as it is. */
function configLines(text: string): [name: string, value: string][] {
  return text.split("\n").flatMap((line): [string, string][] => {
    const [, name, value] = /^\s*([\w-]+)\s*[=: ]\s*"((?:[^"\\]|\\.)*)"\s*$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value.replace(/\\(.)/g, "$1")]];
  });
}
