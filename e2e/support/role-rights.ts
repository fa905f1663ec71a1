import { join } from "node:path";
import { DescribeStackResourcesCommand } from "@aws-sdk/client-cloudformation";
import type { StackId } from "@dbward-aws/contract";
import type { LocalStage } from "@dbward-aws/local-cloud";
import { DOCUMENTED_ROLES } from "../../infra/security/documented-roles.ts";
import { type RoleStatement, roleStatements } from "../../infra/security/role-statements.ts";
import { templatesIn } from "../../infra/test-support/assemblies.ts";
import type { Account } from "./account.ts";

const STACKS: readonly StackId[] = ["State", "Server", "Agents", "Monitoring"];

/**
 * The rights that a stage's deployments grant to its roles, to compare them with those that the roles use.
 */
export class RoleRights {
  readonly #stage: LocalStage;
  readonly #account: Account;
  readonly #granted = new Map<string, RoleStatement>();
  /** Title of the documented role, by the name that it has in the account. */
  readonly #titles = new Map<string, string>();

  constructor(stage: LocalStage, account: Account) {
    this.#stage = stage;
    this.#account = account;
  }

  /** Records what the last deployment granted to the roles. */
  async note(): Promise<void> {
    for (const template of templatesIn(join(this.#stage.view, ".sst", "dist")).values())
      for (const statement of roleStatements(template as Parameters<typeof roleStatements>[0]))
        this.#granted.set(JSON.stringify(statement), statement);
    for (const id of STACKS) {
      const StackName = this.#account.names.stack(id);
      const command = new DescribeStackResourcesCommand({ StackName });
      const { StackResources = [] } = await this.#account.cloudFormation.send(command);
      for (const { ResourceType, LogicalResourceId = "", PhysicalResourceId = "" } of StackResources)
        if (ResourceType === "AWS::IAM::Role")
          this.#titles.set(PhysicalResourceId, titleOf(LogicalResourceId.replace(/[0-9A-F]{8}$/, "")));
    }
  }

  /** `TITLE ACTION` of each right that was granted to a role and not used, sorted. */
  unused(): string[] {
    const used = new Set(
      Object.entries(this.#stage.usedRights()).flatMap(([role, actions]) =>
        Object.keys(actions)
          .filter((action) => actions[action]!.allowed > 0)
          .map((action) => `${this.#titles.get(role)} ${action}`),
      ),
    );
    const granted = [...this.#granted.values()]
      .filter(({ effect }) => effect === "Allow")
      .flatMap(({ role, actions }) => actions.map((action) => `${titleOf(role)} ${action}`));
    return [...new Set(granted)].filter((right) => !used.has(right)).sort();
  }
}

/** Title of the role of the function apply-config, whose story is one of its own. */
export const APPLY_TITLE = titleOf("ApplyRole");

/** Rights that are kept although no story uses them, as {@link RoleRights.unused} names them. */
export function keptUnused(): string[] {
  return DOCUMENTED_ROLES.flatMap(({ title, unused = {} }) =>
    Object.keys(unused).flatMap((actions) => actions.split(" ").map((action) => `${title} ${action}`)),
  ).sort();
}

function titleOf(role: string): string {
  return DOCUMENTED_ROLES.find((documented) => documented.role.test(role))?.title ?? role;
}
