import { child, type Path } from "../schema/path.ts";
import type { Report } from "../schema/report.ts";
import { optional, required, table } from "../schema/table.ts";
import { list, text } from "../schema/types.ts";
import type { TableNode } from "../toml/nodes.ts";

const url = text.where({
  rule: "oidc-url",
  expected: "a URL that begins with http:// or https://",
  accepts: (value) => /^\p{White_Space}*https?:\/\//u.test(value),
});

/** `[auth.oidc]`. dbward checks it even without the licence that it requires. */
export const oidc = table(
  {
    issuer_url: required(url, "issuer"),
    audience: text,
    jwks_uri: url,
    client_id: text,
    role_mappings: list(table({ claim: required(text), value: required(text), role: required(text) })),
    default_role: optional(text),
  },
  { rules: [checkAudience] },
);

function checkAudience(section: TableNode, path: Path, report: Report): void {
  const values = [section.text("audience"), section.text("client_id")];
  if (values.some((node) => node && /\P{White_Space}/u.test(node.value))) return;
  report.add(
    section,
    child(path, "audience"),
    "oidc-audience",
    `${report.render(path)} must have an audience or a client_id that is not blank.`,
  );
}
