import { describe, expect, it } from "vitest";
import { namesOf } from "./cluster.ts";
import { loadStage } from "./load-stage.ts";
import { mistakesOf } from "./test-support/mistakes.ts";
import { stageInput } from "./test-support/stage.ts";

const load = (changes: object, stage = "prod") =>
  loadStage({ stages: { [stage]: stageInput(changes) } }, stage, { root: "." });
const ARN = "arn:aws:ecs:eu-central-1:111122223333:cluster/shared";

describe("cluster", () => {
  it.each(["shared", ARN])("%s gives the services names of the stage", (cluster) => {
    const names = namesOf(load({ cluster }));
    expect([names.cluster, names.serverService, names.agentService("app")]).toEqual([
      "shared",
      "dbward-prod-server",
      "dbward-prod-agent-app",
    ]);
  });

  it("that is left out is one of the stage", () => {
    expect(namesOf(load({}))).toMatchObject({ cluster: "dbward-prod", serverService: "server" });
  });

  it.each([
    [
      "a service's ARN",
      { cluster: ARN.replace("cluster/", "service/") },
      /must be the name or the ARN of an ECS/,
    ],
    [
      "another partition's ARN",
      { cluster: ARN.replace("aws", "aws-cn") },
      /ARNs in eu-central-1 begin with "arn:aws:"/,
    ],
    [
      "another region",
      { cluster: ARN, region: "us-east-1" },
      /^cluster: is in eu-central-1, and the stage is in us-east-1/,
    ],
    [
      "the name of the stage's own",
      { cluster: "dbward-prod" },
      /^cluster: is dbward-prod, the name of the cluster that/,
    ],
  ])("can't be %s", (_title, changes, expected) => {
    expect(mistakesOf(() => load(changes))).toEqual([expect.stringMatching(expected)]);
  });

  it.each(["prod-agent", "prod-agent-eu"])(
    "is not for stage %s, whose services could be agents of prod",
    (stage) => {
      expect(mistakesOf(() => load({ cluster: "shared" }, stage))).toEqual([
        expect.stringMatching(/with "-agent" in its name: .*agents of stage "prod"/),
      ]);
      expect(load({}, stage).stage).toBe(stage);
    },
  );
});
