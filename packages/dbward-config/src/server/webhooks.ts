import { isIPv4 } from "node:net";
import { isPrivate, isSpecial } from "../net/addresses.ts";
import { parseUrl } from "../net/urls.ts";
import { child, type Path } from "../schema/path.ts";
import type { Report } from "../schema/report.ts";
import { optional, required, table } from "../schema/table.ts";
import { refuseTwice } from "../schema/twice.ts";
import { list, oneOf, text } from "../schema/types.ts";
import type { TableNode, TextNode } from "../toml/nodes.ts";

/** `[[webhooks]]`. The address may contain a secret, such as that of a Slack channel. */
export const webhooks = list(
  table({
    id: required(
      text.where({
        rule: "webhook-id",
        expected: '1 to 64 characters of a-z, 0-9 and "-", with no "-" at either end',
        accepts: (value) => value.length <= 64 && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(value),
      }),
    ),
    url: required(
      text.secret.where({
        rule: "webhook-url",
        expected: "a URL that begins with http:// or https://",
        accepts: isHttp,
      }),
    ),
    events: list(text),
    format: oneOf("webhook-format", ["generic", "slack"]),
    secret: optional(text.secret),
  }),
);

/** Rules of the whole file. */
export function checkWebhooks(config: TableNode, root: Path, report: Report): void {
  const path = child(root, "webhooks");
  const webhooks = config.tables("webhooks");
  const ids = webhooks.flatMap(({ table: webhook, index }) => {
    const id = webhook.text("id");
    return id ? [{ key: id.value, at: id, path: child(path, index, "id") }] : [];
  });
  refuseTwice(ids, "webhook-id", report);
  if (config.isTrue("allow_private_networks")) return;
  for (const { table: webhook, index } of webhooks) {
    const url = webhook.text("url");
    if (url) checkHost(url, child(path, index, "url"), report);
  }
}

function isHttp(value: string): boolean {
  const url = parseUrl(value);
  return url?.protocol === "http:" || url?.protocol === "https:";
}

/** When it starts, dbward looks up the host of each webhook, and refuses private addresses. */
function checkHost(url: TextNode, path: Path, report: Report): void {
  const host = isHttp(url.value) ? parseUrl(url.value)?.hostname : undefined;
  if (host === undefined) return;
  const reason = whyRefused(host);
  if (!reason) return;
  report.add(
    url,
    path,
    "webhook-host",
    `${report.render(path)} ${reason}, which dbward refuses when it starts. Name another host, or set allow_private_networks = true.`,
  );
}

/** Top-level domains that are not public (RFC 2606, 6761, 6762 and ICANN's domain for private use). */
const INNER_DOMAINS = ["localhost", "invalid", "test", "example", "local", "internal"];

function whyRefused(host: string): string | undefined {
  // dbward looks the address up including its brackets, and no resolver finds it.
  if (host.startsWith("[")) return "has an IPv6 address as its host, which dbward can't look up";
  if (isIPv4(host)) {
    const isRefused = isPrivate(host) || isSpecial(host);
    return isRefused ? "has a private, loopback or reserved address" : undefined;
  }
  const labels = host.replace(/\.$/, "").split(".");
  if (labels.length === 1 || INNER_DOMAINS.includes(labels.at(-1)!)) {
    return "has a host that no public name server knows";
  }
  return undefined;
}
