/** A deployed export that other stacks import. */
export interface ExportInUse {
  /** Name of the stack that exports it. */
  readonly stack: string;
  /** Logical id of the output. */
  readonly outputKey: string;
  readonly exportName: string;
  readonly value: string;
  /** Names of the stacks that import it. */
  readonly importedBy: readonly string[];
}
