import { isIPv4 } from "node:net";
import { isPrivate } from "../net/addresses.ts";
import { parseUrl } from "../net/urls.ts";
import { child, type Path } from "../schema/path.ts";
import type { Report } from "../schema/report.ts";
import { text } from "../schema/types.ts";
import type { TableNode } from "../toml/nodes.ts";

/** Path of the server's key, the agent's first request. Together with the URL of the settings it must give exactly this path. */
const FIRST_PATH = "/api/public-key";

export const serverUrl = text.secret
  .where({
    rule: "agent-server-url",
    expected: "a URL that begins with http:// or https://, in lower case",
    accepts: (value) => /^https?:\/\//.test(value),
  })
  .where({
    rule: "agent-server-url",
    expected: "a valid URL",
    accepts: (value) => !/^https?:\/\//.test(value) || parseUrl(value) !== undefined,
  })
  .where({
    rule: "agent-server-path",
    expected: "a URL without a path; the server answers 403 there, and the agent ends",
    accepts: (value) => {
      const url = parseUrl(value) && parseUrl(value.replace(/\/+$/, "") + FIRST_PATH);
      return !url || url.pathname + url.search === FIRST_PATH;
    },
  })
  .where({
    rule: "agent-server-user",
    expected: "a URL without a user; the agent would send it instead of its token",
    accepts: (value) => !parseUrl(value)?.username,
  });

/** The variable that overrides `allow_insecure`. */
const ALLOW_INSECURE_VARIABLE = "DBWARD_ALLOW_INSECURE";

/** The agent uses plain HTTP, which sends the token unencrypted, only for hosts that look private. */
export function checkTransport(config: TableNode, root: Path, report: Report): void {
  const server = config.table("server");
  const node = server?.text("url");
  const url = node && parseUrl(node.value);
  if (!server || !url || !node.value.startsWith("http://") || isInnerHost(url.hostname)) return;
  const variable = report.variable(ALLOW_INSECURE_VARIABLE);
  const isAllowed =
    variable === undefined ? server.isTrue("allow_insecure") : ["true", "1"].includes(variable);
  if (isAllowed) return;
  const path = child(root, "server", "url");
  report.add(
    node,
    path,
    "agent-insecure",
    `${report.render(path)} must begin with https://. The agent sends its token over plain http:// to private, loopback and IPv6 addresses, to names without a dot, and to names that end in .internal or .svc.cluster.local; elsewhere only with allow_insecure = true, which the variable ${ALLOW_INSECURE_VARIABLE} overrides.`,
  );
}

function isInnerHost(host: string): boolean {
  if (isIPv4(host)) return host === "0.0.0.0" || isPrivate(host);
  // An IPv6 address has brackets and no dot here, so it counts as a name without a dot.
  return !host.includes(".") || host.endsWith(".internal") || host.endsWith(".svc.cluster.local");
}
