/** What a container sees under other names than this machine has for it. */
export interface TaskViewOptions {
  /** Paths in the container, and where they are here: mounted volumes, and `/tmp`. */
  readonly paths: ReadonlyMap<string, string>;
  /** Files below them that are nevertheless here as they are there. @default - none */
  readonly keptPaths?: readonly string[];
  /** Ports that the container listens on, and the loopback ports that stand for them. */
  readonly ports: ReadonlyMap<number, number>;
  /** Services that are reached by name. */
  readonly services: readonly ServiceAddress[];
  /**
   * Where calls of AWS go that name AWS's own hosts, such as
   * `https://secretsmanager.eu-central-1.amazonaws.com`, and where the credentials of the task are.
   */
  readonly awsEndpoint: string;
}

/**
 * A port of a service, as other tasks of its cluster reach it by Service Connect, or by its name in the
 * private DNS zone of the stage.
 */
export interface ServiceAddress {
  /** Name of the cluster. */
  readonly cluster: string;
  /** Private DNS zone. @default - named after the cluster, whatever its end */
  readonly zone?: string;
  readonly service: string;
  /** Name by which others reach the port. @default - the name of the service */
  readonly host?: string;
  readonly containerPort: number;
  /** Port on this machine's loopback interface. */
  readonly port: number;
}

/**
 * Containers run here as plain processes. A {@link TaskView} rewrites what a task definition says, so that
 * the same command does the same thing:
 *
 * - a path that is mounted, and `/tmp`, becomes a folder of the local stage;
 * - `0.0.0.0:3000`, `localhost:3000`, `127.0.0.1:3000` become the task's own port on 127.0.0.1;
 * - `server:3000` and `server.<zone>:3000` become the port of the service with the host `server`;
 * - `https://<service>.….amazonaws.com` becomes the emulated account, `http://169.254.170.2` the task's
 * credentials.
 *
 * It works on the text of commands, environment and files that come through them, also where `printf %b` is
 * to undo octal escapes around a name. What a program builds from parts, or has built in, it can't see.
 */
export class TaskView {
  readonly #pattern: RegExp;
  readonly #rules: readonly Rule[];

  constructor(options: TaskViewOptions) {
    this.#rules = [
      ...awsRules(options),
      ...[...options.ports].map(([from, to]) => ownPortRule(from, to)),
      ...options.services.map((service) => serviceRule(service, { serviceConnect: true })),
      ...(options.keptPaths ?? []).map((kept) => pathRule(kept, kept)),
      ...pathRules(options.paths),
    ];
    this.#pattern = patternOf(this.#rules);
  }

  /** `text` in this machine's terms. What is put in isn't looked at again. */
  translate(text: string): string {
    return replace(text, this.#pattern, this.#rules);
  }
}

/**
 * The text of a function's environment in this machine's terms: in the VPC it finds services by their names
 * in the private DNS zone, and not by those of Service Connect.
 */
export function translateForFunction(text: string, services: readonly ServiceAddress[]): string {
  const rules = services.map((service) => serviceRule(service, { serviceConnect: false }));
  return rules.length === 0 ? text : replace(text, patternOf(rules), rules);
}

/** A pattern without groups of its own, and what stands in its place. */
interface Rule {
  readonly pattern: string;
  readonly replacement: string;
}

function patternOf(rules: readonly Rule[]): RegExp {
  return new RegExp(rules.map(({ pattern }) => `(${pattern})`).join("|"), "g");
}

function replace(text: string, pattern: RegExp, rules: readonly Rule[]): string {
  return text.replace(
    pattern,
    (match: string, ...groups: unknown[]) =>
      rules[groups.findIndex((group) => group !== undefined)]?.replacement ?? match,
  );
}

function awsRules({ awsEndpoint }: TaskViewOptions): Rule[] {
  return [
    { pattern: "http://169\\.254\\.170\\.2(?![\\w.-])", replacement: awsEndpoint },
    {
      // A region may be a variable of the shell: https://sts.$AWS_REGION.amazonaws.com
      pattern: "https://[\\w.{}$-]+\\.amazonaws\\.com(?:\\.cn)?(?![\\w.-])",
      replacement: awsEndpoint,
    },
  ];
}

function ownPortRule(from: number, to: number): Rule {
  const hosts = "0\\.0\\.0\\.0|127\\.0\\.0\\.1|localhost|\\[::1?\\]";
  return { pattern: `${startsAfter("[\\w.-]")}(?:${hosts}):${from}(?!\\d)`, replacement: `127.0.0.1:${to}` };
}

function serviceRule(
  { cluster, zone: ownZone = cluster, service, host = service, containerPort, port }: ServiceAddress,
  { serviceConnect }: { readonly serviceConnect: boolean },
): Rule {
  const [name, zone] = [host, ownZone].map(escapeForPattern);
  const inZone = `(?:\\.${zone}(?:\\.[\\w-]+)*)${serviceConnect ? "?" : ""}`;
  return {
    pattern: `${startsAfter("[\\w.-]")}${name}${inZone}:${containerPort}(?!\\d)`,
    replacement: `127.0.0.1:${port}`,
  };
}

/** Longer paths first, so that a mount inside of another one is found. */
function pathRules(paths: ReadonlyMap<string, string>): Rule[] {
  return [...paths]
    .sort(([left], [right]) => right.length - left.length)
    .map(([from, to]) => pathRule(from, to));
}

function pathRule(from: string, to: string): Rule {
  return { pattern: `${startsAfter("[\\w./~}*-]")}${escapeForPattern(from)}(?![\\w.-])`, replacement: to };
}

/** Not after one of these characters, unless it is the end of an octal escape such as `\\0042`. */
function startsAfter(characters: string): string {
  return `(?:(?<=\\\\0[0-7]{3})|(?<!${characters}))`;
}

function escapeForPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
