/** The fields of an unknown value, or none: checks that run beside the schema can't rely on its shape. */
export function asFields(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? (value as Record<string, unknown>) : {};
}

export function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An unknown value as a list; empty when it is not an array. */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** For `when` of a refinement that also runs after others have found something. */
export function always(): boolean {
  return true;
}
