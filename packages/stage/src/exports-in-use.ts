import { ListImportsCommand, type Output } from "@aws-sdk/client-cloudformation";
import type { ExportInUse } from "@dbward-aws/contract";
import type { AwsClients } from "./aws-clients.ts";
import { during } from "./aws-error.ts";
import { findStack } from "./stacks.ts";

/** CloudFormation's limit of ListImports is not documented; this many calls at once stay below it. */
const AT_ONCE = 5;

/**
 * Lists what other stacks import of these. CloudFormation refuses to remove such an export.
 *
 * @param stacks names of the stacks that export; those that don't exist export nothing
 * @throws AwsCallError
 */
export async function exportsInUse(
  stacks: readonly string[],
  clients: Pick<AwsClients, "cloudFormation">,
): Promise<ExportInUse[]> {
  const found: ExportInUse[] = [];
  for (const stack of stacks) {
    const outputs = ((await findStack(clients, stack))?.Outputs ?? []).filter(isExport);
    for (let at = 0; at < outputs.length; at += AT_ONCE) {
      const asked = outputs.slice(at, at + AT_ONCE).map(async ({ OutputKey, ExportName, OutputValue }) => ({
        stack,
        outputKey: OutputKey,
        exportName: ExportName,
        value: OutputValue,
        importedBy: await importers(ExportName, clients),
      }));
      found.push(...(await Promise.all(asked)).filter(({ importedBy }) => importedBy.length > 0));
    }
  }
  return found;
}

type Export = Output & Required<Pick<Output, "OutputKey" | "OutputValue" | "ExportName">>;

function isExport(output: Output): output is Export {
  return [output.OutputKey, output.OutputValue, output.ExportName].every((text) => text !== undefined);
}

async function importers(
  ExportName: string,
  { cloudFormation }: Pick<AwsClients, "cloudFormation">,
): Promise<string[]> {
  const { Imports = [] } = await during(
    `Asking which stacks import ${ExportName}`,
    cloudFormation.send(new ListImportsCommand({ ExportName })).catch((error: unknown) => {
      // CloudFormation answers an error where there is none.
      if (error instanceof Error && /is not imported by any stack/.test(error.message))
        return { Imports: [] };
      throw error;
    }),
  );
  return Imports;
}
