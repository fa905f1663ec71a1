/**
 * The form in which dbward signs JSON: without spaces, and with the members of objects in the order of their
 * bytes in UTF-8. A text that is not JSON stays as it is.
 */
export function canonicalJson(text: string): string {
  try {
    return JSON.stringify(sorted(JSON.parse(text)));
  } catch {
    return text;
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .map(([name, member]) => [name, sorted(member)]),
  );
}
