import { expect, it } from "vitest";
import { readConfig } from "./check-config.ts";
import { emptiedSections } from "./emptied-sections.ts";

const SECTIONS = {
  databases: '[[databases]]\nname = "app"\nenvironments = ["production"]\n',
  workflows: '[[workflows]]\n[workflows.auto_approve]\nmode = "always"\n',
  execution_policies: "[[execution_policies]]\nmax_executions = 2\n",
  webhooks: '[[webhooks]]\nid = "hook"\nurl = "https://hooks.example.com/x"\n',
  result_policies: "[[result_policies]]\nretention_days = 3\n",
  notification_policies: '[[notification_policies]]\nevents = ["request.created"]\n',
  "auth.groups": '[[auth.groups]]\nname = "team"\nroles = ["requester"]\n',
  "auth.roles": '[[auth.roles]]\nname = "reader"\npermissions = ["request.view"]\n',
  sql_review: '[[sql_review]]\ndrop_table = "warn"\n',
};
const ALL = Object.values(SECTIONS).join("");
const NO_ENVIRONMENTS = '[[databases]]\nname = "app"\n';

function emptied(before: string, after: string): string[] {
  const [a, b] = [before, after].map(
    (toml) => readConfig("server", `state_dir = "/data"\n${toml}`, {}).config!,
  );
  return emptiedSections(a!, b!);
}

// What dbward 0.2.0 did at its second start.
it.each<[title: string, before: string, after: string, refused: readonly string[]]>([
  ...Object.entries(SECTIONS).map(([name, toml]): [string, string, string, string[]] => [
    `${name} is gone`,
    ALL,
    ALL.replace(toml, ""),
    name.startsWith("auth") || name === "sql_review" ? [] : [name],
  ]),
  ["workflows is empty", ALL, `workflows = []\n${ALL.replace(SECTIONS.workflows, "")}`, ["workflows"]],
  ["nothing was there", "", "", []],
  ["all is new", "", ALL, []],
  ["another entry is left", ALL, ALL.replace('name = "app"', 'name = "other"'), []],
  ["databases lose their environments", ALL, ALL.replace(SECTIONS.databases, NO_ENVIRONMENTS), []],
  ["databases without environments are gone", NO_ENVIRONMENTS, "", []],
])("%s", (_title, before, after, refused) => {
  expect(emptied(before, after)).toEqual(refused);
});
