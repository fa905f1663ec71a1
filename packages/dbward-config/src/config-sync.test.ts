import { expect, it } from "vitest";
import { checkConfig } from "./check-config.ts";
import { isSeenBySync } from "./config-sync.ts";

/** Rules of a text, by when a server sees them. */
function seen(toml: string): Record<"loading" | "sync", string[]> {
  const problems = checkConfig("server", toml, {});
  const rules = (bySync: boolean) =>
    problems.filter((problem) => isSeenBySync(problem) === bySync).map(({ rule }) => rule);
  return { loading: rules(false), sync: rules(true) };
}

it("a server finds a wrong type when it loads the file, and an unknown workflow step in its sync", () => {
  expect(seen("state_dir = 1\n")).toEqual({ loading: [expect.any(String)], sync: [] });
  const steps =
    '[[workflows.steps]]\nmode = "some"\n[[workflows.steps.approvers]]\nrole = "admin"\nmin = 1\n';
  expect(
    seen(
      `state_dir = "/data"\n[[workflows]]\ndatabase = "*"\nenvironment = "*"\noperations = ["execute"]\n${steps}`,
    ),
  ).toEqual({
    loading: [],
    sync: ["workflow-step-mode"],
  });
});
