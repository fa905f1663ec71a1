import { ConfigProblem, string, strings, type Table, table, tables } from "../toml.ts";
import { BUILT_IN_ROLES, isPermission } from "./permissions.ts";

/** What the stand-in takes from server.toml; everything else in the file is passed over. */
export interface ServerConfig {
  readonly stateDirectory: string;
  /** Permissions by role, built-in ones included. */
  readonly roles: ReadonlyMap<string, readonly string[]>;
  /** Environments by database. Empty: every database is accepted. */
  readonly databases: ReadonlyMap<string, readonly string[]>;
  readonly workflows: readonly Workflow[];
}

/** Who must agree before a request runs. */
export interface Workflow {
  readonly database: string;
  readonly environment: string;
  /** Empty: all. */
  readonly operations: readonly string[];
  /** Approvals that it takes; 0 is `auto_approve`. */
  readonly steps: number;
}

/** @throws {ConfigProblem} at the first thing that dbward-server would refuse */
export function readServerConfig(toml: Table): ServerConfig {
  const auth = table(toml, "auth");
  const mode = string(auth, "mode", "auth", "token");
  if (mode !== "token" && mode !== "oidc") throw new ConfigProblem(`auth: unknown mode "${mode}"`);
  checkResultStorage(table(toml, "result_storage"), toml.result_storage !== undefined);
  return {
    stateDirectory: string(toml, "state_dir", "server.toml", "/data"),
    roles: readRoles(tables(auth, "roles", "auth.roles")),
    databases: readDatabases(tables(toml, "databases")),
    workflows: tables(toml, "workflows").map(readWorkflow),
  };
}

function readRoles(custom: readonly Table[]): ReadonlyMap<string, readonly string[]> {
  const roles = new Map(BUILT_IN_ROLES);
  for (const [index, role] of custom.entries()) {
    const where = `auth.roles[${index}]`;
    const name = string(role, "name", where);
    if (BUILT_IN_ROLES.has(name))
      throw new ConfigProblem(`${where}: built-in role "${name}" cannot be redefined`);
    if (roles.has(name)) throw new ConfigProblem(`${where}: role "${name}" is defined twice`);
    const permissions = strings(role, "permissions", where);
    const unknown = permissions.find((permission) => !isPermission(permission));
    if (unknown !== undefined) throw new ConfigProblem(`${where}: unknown permission "${unknown}"`);
    strings(role, "databases", where);
    strings(role, "environments", where);
    roles.set(name, permissions);
  }
  return roles;
}

function readDatabases(databases: readonly Table[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    databases.map((database, index) => {
      const where = `databases[${index}]`;
      const environments = strings(database, "environments", where);
      if (environments.length === 0) throw new ConfigProblem(`${where}: environments must not be empty`);
      return [string(database, "name", where), environments];
    }),
  );
}

function readWorkflow(workflow: Table, index: number): Workflow {
  const where = `workflows[${index}]`;
  const steps = tables(workflow, "steps", `${where}.steps`);
  if (workflow.auto_approve === undefined && steps.length === 0)
    throw new ConfigProblem(`${where}: either auto_approve or steps is required`);
  for (const [number, step] of steps.entries()) {
    const at = `${where}.steps[${number}]`;
    if (tables(step, "approvers", `${at}.approvers`).length === 0)
      throw new ConfigProblem(`${at}: approvers must not be empty`);
  }
  return {
    database: string(workflow, "database", where),
    environment: string(workflow, "environment", where),
    operations: strings(workflow, "operations", where),
    steps: workflow.auto_approve === undefined ? steps.length : 0,
  };
}

function checkResultStorage(storage: Table, present: boolean): void {
  if (!present) return;
  const backend = string(storage, "backend", "result_storage");
  const required = { local: ["root_dir"], s3: ["bucket", "region"] }[backend];
  if (!required) throw new ConfigProblem(`result_storage: unknown backend "${backend}"`);
  for (const name of required) string(storage, name, "result_storage");
}
