import type { z } from "zod";
import { asList } from "./unknown-values.ts";

/**
 * Refuses repeated entries of a list.
 *
 * @param normalize returns the same form for strings that AWS treats as equal. @default - only equal strings are equal
 */
export function refuseRepeated(normalize: (text: string) => string = (text) => text) {
  return (value: unknown, context: z.RefinementCtx): void => {
    const forms = asList(value).map((entry) => (typeof entry === "string" ? normalize(entry) : undefined));
    forms.forEach((form, index) => {
      const first = forms.indexOf(form);
      if (form !== undefined && first < index)
        context.addIssue({ code: "custom", path: [index], message: `is the same as entry ${first}` });
    });
  };
}
