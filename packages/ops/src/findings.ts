import type { Finding } from "@dbward-aws/stage";

const MARKS: Readonly<Record<Finding["severity"], string>> = {
  error: "!",
  warning: "-",
  unknown: "?",
};

/** Findings as lines for a person: what is wrong, what shows it, what to do, and where to look. */
export function findingLines(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ severity, subject, problem, evidence, remedy, link }) => [
    `${MARKS[severity]} ${subject}: ${problem}`,
    ...evidence.map((text) => `    ${text.replace(/\s*\n\s*/g, "\n    ")}`),
    `  → ${remedy}`,
    ...(link === undefined ? [] : [`  ${link}`]),
    "",
  ]);
}

/** Whether something is wrong; what could not be checked is not. */
export function hasErrors(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity === "error");
}

/** Such as `2 problems` or `no problem`, with what could not be checked. */
export function countFindings(findings: readonly Finding[]): string {
  const unknown = findings.filter(({ severity }) => severity === "unknown").length;
  const known = findings.length - unknown;
  const problems = known === 0 ? "No problems found" : known === 1 ? "1 problem" : `${known} problems`;
  return unknown === 0 ? problems : `${problems}; ${unknown} not checked`;
}
