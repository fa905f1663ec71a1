import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ExportInUse } from "@dbward-aws/contract";
import { App } from "aws-cdk-lib";
import type { AssetManifestArtifact, CloudFormationStackArtifact } from "aws-cdk-lib/cx-api";
import { describe, expect, it } from "vitest";
import { stageSettings } from "../test-support/settings.ts";
import { REGION } from "../test-support/synth.ts";
import { VARIANTS } from "../test-support/variants.ts";
import { DbwardStage } from "./dbward-stage.ts";

interface Output {
  readonly Value: unknown;
  readonly Export?: { readonly Name: string };
}

/** The stacks of a stage when these exports are in use. */
function synthesised(settings: Parameters<typeof stageSettings>[0], exportsInUse: readonly ExportInUse[]) {
  const app = new App();
  new DbwardStage(app, { settings: stageSettings(settings), region: REGION, exportsInUse });
  return app.synth().stacks;
}

/** What each stack of a deployed stage exports, as if another imported all of it. */
function deployedExports(settings: Parameters<typeof stageSettings>[0]): ExportInUse[] {
  return synthesised(settings, []).flatMap(({ stackName, template }) =>
    Object.entries((template.Outputs ?? {}) as Record<string, Output>).flatMap(([outputKey, output]) =>
      output.Export
        ? [
            {
              stack: stackName,
              outputKey,
              exportName: output.Export.Name,
              value: `value of ${outputKey}`,
              importedBy: ["another"],
            },
          ]
        : [],
    ),
  );
}

const exportNames = (stacks: readonly CloudFormationStackArtifact[]) =>
  stacks.flatMap(({ template }) =>
    Object.values((template.Outputs ?? {}) as Record<string, Output>).flatMap(
      ({ Export }) => Export?.Name ?? [],
    ),
  );

describe("exports in use", () => {
  it.each<[string, object, object]>([
    ["the bucket goes", VARIANTS["the defaults"], VARIANTS["public subnets"]],
    ["the load balancer goes", VARIANTS["a public load balancer"], VARIANTS["the defaults"]],
    ["the capture uses ECS Exec again", VARIANTS["no ECS Exec"], VARIANTS["the defaults"]],
    ["the key goes", VARIANTS["a key of its own"], VARIANTS["the defaults"]],
  ])("stay with their deployed values when %s", (_title, before, after) => {
    const inUse = deployedExports(before);
    const stacks = synthesised(after, inUse);
    expect(exportNames(stacks)).toEqual(expect.arrayContaining(inUse.map(({ exportName }) => exportName)));
    const made = new Set(exportNames(synthesised(after, [])));
    const kept = inUse.filter(({ exportName }) => !made.has(exportName));
    expect(kept.length).toBeGreaterThan(0);
    for (const { stack, outputKey, exportName, value } of kept)
      expect(stacks.find(({ stackName }) => stackName === stack)!.template.Outputs[outputKey]).toEqual({
        Description: "Kept while another imports it",
        Value: value,
        Export: { Name: exportName },
      });
  });

  it("change nothing while the settings make them", () => {
    const stacks = synthesised({}, deployedExports({}));
    expect(stacks.map(({ template }) => template)).toEqual(
      synthesised({}, []).map(({ template }) => template),
    );
  });

  it("are in the template that is uploaded, under a name of its own", () => {
    const inUse = deployedExports(VARIANTS["a public load balancer"]);
    const nameOf = (stacks: readonly CloudFormationStackArtifact[]) => {
      const server = stacks.find(({ stackName }) => stackName.endsWith("-Server"))!;
      const manifest = server.dependencies.find((one): one is AssetManifestArtifact => "file" in one)!;
      const { files } = JSON.parse(readFileSync(manifest.file, "utf8"));
      const hash = createHash("sha256").update(readFileSync(server.templateFullPath)).digest("hex");
      return { hash, uploaded: server.stackTemplateAssetObjectUrl, names: Object.keys(files) };
    };
    const kept = nameOf(synthesised({}, inUse));
    expect(kept.uploaded).toContain(kept.hash);
    expect(kept.names.some((name) => name.startsWith(kept.hash))).toBe(true);
    expect(nameOf(synthesised({}, [])).uploaded).not.toBe(kept.uploaded);
  });
});
