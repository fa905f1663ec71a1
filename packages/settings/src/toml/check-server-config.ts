import { METRICS_PERMISSION, METRICS_ROLE, SERVER } from "@dbward-aws/contract";
import type { Findings } from "../findings.ts";
import { refusePlainSecrets } from "./plain-secrets.ts";
import type { TomlDocument } from "./toml-document.ts";
import { asArray, asTable, texts, variablesIn } from "./values.ts";

/** What the settings say that a server.toml has to fit. */
export interface ServerConfigContext {
  /** Variables that the container has. */
  readonly variables: readonly string[];
  readonly backend: unknown;
}

/** Roles that the server brings along and refuses to have redefined. */
const BUILT_IN_ROLES = ["admin", "requester", "approver", "operator", "agent-default"];

/** Checks what the server would refuse at its start, and what would not do what its author meant. */
export function checkServerConfig(
  document: TomlDocument,
  { variables, backend }: ServerConfigContext,
  findings: Findings,
): void {
  const { state_dir, auth, workflows, result_storage } = document.root;

  if (state_dir !== undefined && state_dir !== SERVER.stateDirectory)
    findings.refuse(
      document.where(["state_dir"]),
      `state_dir must be "${SERVER.stateDirectory}", where the file system is mounted; leave it out, the deployment sets it`,
    );

  asArray(asTable(auth).roles).forEach((role, index) => {
    const { name, permissions } = asTable(role);
    const where = document.where(["auth", "roles"], index);
    if (typeof name === "string" && BUILT_IN_ROLES.includes(name))
      findings.refuse(where, `role "${name}" is built in, and the server refuses to have it redefined`);
    if (name === METRICS_ROLE && !asArray(permissions).includes(METRICS_PERMISSION))
      findings.refuse(
        where,
        `role "${METRICS_ROLE}" is the poller's and needs permissions = ["${METRICS_PERMISSION}"]; ` +
          "leave the role out, the deployment adds it",
      );
  });

  asArray(workflows).forEach((workflow, index) => {
    const { auto_approve, steps } = asTable(workflow);
    const where = document.where(["workflows"], index);
    if (auto_approve === undefined && asArray(steps).length === 0)
      findings.refuse(where, "the workflow needs [workflows.auto_approve] or [[workflows.steps]]");
    asArray(steps).forEach((step, at) => {
      if (asArray(asTable(step).approvers).length === 0)
        findings.refuse(where, `step ${at + 1} of the workflow needs [[workflows.steps.approvers]]`);
    });
  });

  const own = asTable(result_storage);
  if (result_storage !== undefined && (own.backend !== backend || own.bucket !== undefined))
    findings.warn(
      document.where(["result_storage"]),
      "[result_storage] is replaced by the stage's storage setting; leave it out",
    );

  for (const { path, text } of texts(document.root))
    for (const variable of variablesIn(text).filter((name) => !variables.includes(name)))
      findings.warn(
        document.where(path),
        `${path.join(".")} reads \${${variable}}, which the container doesn't have: name it under server.secrets`,
      );

  refusePlainSecrets(document, findings);
}
