/** An input transformer of a target in a template. */
export interface InputTransformer {
  readonly InputPathsMap: Readonly<Record<string, string>>;
  readonly InputTemplate: string;
}

/**
 * What EventBridge hands to an SNS topic, and SNS puts into an e-mail as it is: the template with the event's values in place of
 * its variables, still JSON-encoded. Values inside of quotes are escaped; a variable whose path matches nothing is left empty.
 *
 * @throws Error where EventBridge refuses the transformer (limits of its API reference, and that a template is JSON or lines of JSON)
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
 */
export function transformed({ InputPathsMap, InputTemplate }: InputTransformer, event: unknown): string {
  if (InputTemplate.length > 8192) throw new Error("InputTemplate is longer than 8192 characters");
  if (Object.keys(InputPathsMap).length > 100) throw new Error("InputPathsMap has more than 100 entries");
  for (const line of InputTemplate.split("\n")) JSON.parse(line);
  return InputTemplate.replace(/<([A-Za-z0-9_-]+)>/g, (_, name: string) => {
    const path = InputPathsMap[name];
    if (path === undefined) throw new Error(`InputTemplate uses ${name}, which InputPathsMap doesn't define`);
    const value = valueAt(path, event);
    if (value === undefined) return "";
    return typeof value === "string" ? JSON.stringify(value).slice(1, -1) : JSON.stringify(value);
  });
}

function valueAt(path: string, event: unknown): unknown {
  const steps = path.replace(/^\$\.?/, "").match(/[^.[\]]+/g) ?? [];
  return steps.reduce<unknown>(
    (value, step) => (value as Record<string, unknown> | undefined)?.[step],
    event,
  );
}
