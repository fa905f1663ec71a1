import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExportInUse, StackId } from "@dbward-aws/contract";
import { DefaultStackSynthesizer, type FileAssetSource, type ISynthesisSession } from "aws-cdk-lib";

/** The stacks from which others import. */
export const EXPORTING_STACKS: readonly StackId[] = ["State", "Server"];

/**
 * Synthesizes a stack with its deployed exports that are still in use and no longer made, as outputs of a fixed
 * value. CloudFormation refuses to remove an export while another stack imports it, and the stack that imports
 * it is updated after the one that exports it. The next deployment removes it.
 *
 * SST adds such outputs itself, but the name under which it uploads a template stays that of the template
 * without them: whenever the stage has these settings again, the uploaded file is used, with values of that
 * day. With the outputs in the template SST has nothing to add.
 */
export class KeepExports extends DefaultStackSynthesizer {
  // Not `#`: a stack calls its synthesizer through an object that inherits from it.
  private readonly inUse: readonly ExportInUse[];

  constructor(inUse: readonly ExportInUse[]) {
    super();
    this.inUse = inUse;
  }

  protected override synthesizeTemplate(
    session: ISynthesisSession,
    ...lookUp: [string?, string?, Record<string, unknown>?]
  ): FileAssetSource {
    const source = super.synthesizeTemplate(session, ...lookUp);
    const file = join(session.assembly.outdir, source.fileName!);
    const template = JSON.parse(readFileSync(file, "utf8")) as Template;
    const made = new Set(Object.values(template.Outputs ?? {}).map(({ Export }) => Export?.Name));
    const kept = this.inUse.filter(({ exportName }) => !made.has(exportName));
    if (kept.length === 0) return source;
    template.Outputs ??= {};
    for (const { outputKey, exportName, value, importedBy } of kept)
      template.Outputs[outputKey] = {
        Description: `Kept while ${importedBy.join(", ")} imports it`,
        Value: value,
        Export: { Name: exportName },
      };
    const text = JSON.stringify(template, undefined, 1);
    writeFileSync(file, text);
    return { ...source, sourceHash: createHash("sha256").update(text).digest("hex") };
  }
}

interface Template {
  Outputs?: Record<string, { Description?: string; Value: unknown; Export?: { Name: unknown } }>;
}
