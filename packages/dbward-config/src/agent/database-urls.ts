import { parseUrl } from "../net/urls.ts";
import { child, type Path } from "../schema/path.ts";
import type { Report } from "../schema/report.ts";
import { text } from "../schema/types.ts";
import type { TableNode, TextNode } from "../toml/nodes.ts";

const SCHEME = /^(postgres|postgresql|mysql):\/\//;

/** The agent checks only the scheme, and retries after all other errors. */
export const databaseUrl = text.secret.where({
  rule: "agent-database-url",
  expected: "a URL that begins with postgres://, postgresql:// or mysql://, in lower case",
  accepts: (value) => SCHEME.test(value),
});

/**
 * A wrong password ends the agent. Only the database knows the right one, but of two passwords for one user of one server, one is wrong.
 * URLs in variables count even if the text does not refer to them.
 */
export function checkPasswords(config: TableNode, root: Path, report: Report): void {
  const passwords = new Map<string, string>();
  for (const value of report.variableValues) {
    const login = loginOf(value);
    if (login) passwords.set(login.user, login.password);
  }
  for (const { url, path } of databaseUrls(config, child(root, "databases"))) {
    const login = loginOf(url.value);
    if (!login) continue;
    const known = passwords.get(login.user) ?? login.password;
    passwords.set(login.user, known);
    if (known === login.password) continue;
    report.add(
      url,
      path,
      "agent-database-password",
      `${report.render(path)} has a different password than another URL or variable for the same user of the same server. One of them is wrong, and a wrong password ends the agent.`,
    );
  }
}

function* databaseUrls(config: TableNode, path: Path): Generator<{ url: TextNode; path: Path }> {
  for (const { key: database, value } of config.table("databases")?.entries.values() ?? []) {
    if (value.kind !== "table") continue;
    for (const { key: environment, value: entry } of value.entries.values()) {
      const url = entry.kind === "table" ? entry.text("url") : undefined;
      if (url) yield { url, path: child(path, database, environment, "url") };
    }
  }
}

/** Query parameters that override parts of the URL. */
const OVERRIDES = ["host", "port", "user", "password"];

function loginOf(value: string): { user: string; password: string } | undefined {
  const url = SCHEME.test(value) ? parseUrl(value) : undefined;
  if (!url?.username || [...url.searchParams.keys()].some((name) => OVERRIDES.includes(name)))
    return undefined;
  const [scheme, port] = url.protocol === "mysql:" ? ["mysql", "3306"] : ["postgres", "5432"];
  return {
    user: `${scheme}://${url.username}@${url.hostname.toLowerCase()}:${url.port || port}`,
    password: decode(url.password),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The address in a database URL. */
export interface DatabaseAddress {
  readonly driver: "postgres" | "mysql";
  readonly host: string;
  /** The port in the URL, or the driver's default. */
  readonly port: number;
}

/**
 * Parses a database URL that {@link checkConfig} accepts.
 *
 * @returns `"scheme"` when its scheme ends the agent; `"other"` when host and port are unknown: it is not a URL after the scheme, has
 * no host, or its query names another one
 */
export function databaseAddress(value: string): DatabaseAddress | "scheme" | "other" {
  if (!SCHEME.test(value)) return "scheme";
  const url = parseUrl(value);
  if (!url?.hostname || [...url.searchParams.keys()].some((name) => OVERRIDES.includes(name))) return "other";
  const driver = url.protocol === "mysql:" ? "mysql" : "postgres";
  return { driver, host: url.hostname, port: Number(url.port || (driver === "mysql" ? 3306 : 5432)) };
}
