import { App } from "aws-cdk-lib";
import { describe, expect, it } from "vitest";
import { nagFindings } from "../test-support/findings.ts";
import { stageSettings } from "../test-support/settings.ts";
import { REGION, stage, templates } from "../test-support/synth.ts";
import { VARIANTS } from "../test-support/variants.ts";
import { DbwardStage } from "./dbward-stage.ts";
import { retainedResources } from "./retained.ts";

describe.each(Object.entries(VARIANTS))("cdk-nag on %s", (_name, settings) => {
  it.each(["state", "server", "agents", "monitoring"] as const)("finds nothing in the %s stack", (name) => {
    expect(nagFindings(stage(settings)[name])).toEqual([]);
  });
});

describe("the stacks of a stage", () => {
  it("follow each other in the order of their life", () => {
    const app = new App();
    new DbwardStage(app, { settings: stageSettings(), region: REGION });
    const needs = Object.fromEntries(
      app.synth().stacks.map(({ stackName, dependencies }) => [
        stackName.slice("test-dbward-".length),
        dependencies
          .map(({ id }) => id.slice("test-dbward-".length))
          .filter((id) => !id.includes(".assets"))
          .sort(),
      ]),
    );
    expect(needs).toEqual({
      State: [],
      Server: ["State"],
      Agents: ["Server", "State"],
      // Not Agents: monitoring is there when the agents fail.
      Monitoring: ["Server", "State"],
    });
  });

  it("are known to CloudFormation, to SST and to cdk by one name", () => {
    expect(stage().stacks.map(({ stackName, artifactId }) => [stackName, artifactId])).toEqual(
      ["State", "Server", "Agents", "Monitoring"].map((id) => [`test-dbward-${id}`, `test-dbward-${id}`]),
    );
  });

  it("name no account, and look nothing up", () => {
    // SST tells its application the account; a template must not take it over.
    const app = new App();
    Object.assign(app, { account: "111122223333", region: REGION });
    new DbwardStage(app, { settings: stageSettings(), region: REGION });
    const assembly = app.synth();
    expect(assembly.manifest.missing ?? []).toEqual([]);
    for (const { template } of assembly.stacks)
      expect(JSON.stringify(template)).not.toContain("111122223333");
  });

  it("retained EFS and bucket: stay with the vault of the copies when the stacks are deleted, and nothing else does", () => {
    const { state } = stage();
    expect(retainedResources(state.node.root).map(({ stack, type }) => [stack, type])).toEqual([
      ["test-dbward-State", "AWS::EFS::FileSystem"],
      ["test-dbward-State", "AWS::Backup::BackupVault"],
      ["test-dbward-State", "AWS::S3::Bucket"],
    ]);
  });

  it("export nothing that changes while another stack imports it", () => {
    const { server } = templates();
    const exported = Object.values(server.findOutputs("*")).filter((output) => output.Export !== undefined);
    // CloudFormation refuses to change an exported value in use: no revision, no version of a secret.
    expect(JSON.stringify(exported)).not.toMatch(/TokenVersion|TaskDefinition|AWS::ECS::TaskDefinition/);
  });

  it("export nothing of an agent, so that it can be removed while the other stacks are as before", () => {
    const several = templates(VARIANTS["several agents"]);
    for (const [name, template] of Object.entries(several)) {
      const exported = Object.entries(template.findOutputs("*")).filter(([, output]) => output.Export);
      expect(
        exported.filter(([id]) => /agent|payments/i.test(id)),
        name,
      ).toEqual([]);
    }
  });

  it("hold descriptions that EC2 accepts", () => {
    for (const template of Object.values(templates(VARIANTS["a public load balancer"])))
      for (const { Properties } of Object.values(template.findResources("AWS::EC2::SecurityGroup"))) {
        const rules = [...(Properties.SecurityGroupIngress ?? []), ...(Properties.SecurityGroupEgress ?? [])];
        for (const text of [Properties.GroupDescription, ...rules.map((rule) => rule.Description ?? "")])
          expect(text).toMatch(/^[a-zA-Z0-9 ._\-:/()#,@[\]+=&;{}!$*]{0,255}$/);
      }
  });

  it("pass the settings' warnings on", () => {
    const app = new App();
    const { state } = new DbwardStage(app, {
      settings: stageSettings({ warnings: ["Tag latest."] }),
      region: REGION,
    });
    expect(state.node.metadata.map(({ data }) => data)).toContainEqual(
      expect.stringContaining("Tag latest."),
    );
  });

  it("carry SST's tags whoever makes them, so that either may go on from the other", () => {
    const app = new App();
    new DbwardStage(app, { settings: stageSettings(), region: REGION });
    for (const stack of app.synth().stacks)
      expect(stack.tags).toEqual({ "sst:app": "dbward", "sst:stage": "test" });
  });
});
