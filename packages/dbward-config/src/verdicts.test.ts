import { describe, expect, it } from "vitest";
import { checkConfig } from "./check-config.ts";
import { readVerdicts } from "./test-support/verdicts.ts";

describe.each(["dbward-0.2.0-verdicts.jsonl", "dbward-0.2.0-more-verdicts.jsonl"])(
  "agrees with dbward 0.2.0 on %s",
  (file) => {
    it.each(readVerdicts(file))("$id: $reason", ({ program, toml, env, verdict }) => {
      const problems = checkConfig(program, toml, env);
      expect(problems.length === 0 ? "accepted" : "refused", JSON.stringify(problems, null, 1)).toBe(verdict);
    });
  },
);
