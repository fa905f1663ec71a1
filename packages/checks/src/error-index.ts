import { files, text } from "./repository.ts";

/** The page `docs/errors/README.md`: every code with the first words of its page's symptom. */
export function errorIndex(): string {
  const rows = files(/^docs\/errors\/(?!README)[^/]+\.md$/).map((path) => {
    const code = path.slice("docs/errors/".length, -".md".length);
    return `| [${code}](${code}.md) | ${symptom(text(path))} |`;
  });
  return `${[
    "# Errors",
    "",
    "The code stands in brackets at the end of a message: `… [channel-lost]`. Each has a page: symptom, probable cause, remedy, and how to",
    "verify that it is mended.",
    "",
    "| Code | Symptom |",
    "| ---- | ------- |",
    ...rows,
  ].join("\n")}\n`;
}

function symptom(page: string): string {
  const [, paragraph = ""] = /^## Symptom\n\n(.*?)\n\n/ms.exec(page) ?? [];
  return paragraph.replaceAll("\n", " ").replaceAll("|", "\\|");
}
