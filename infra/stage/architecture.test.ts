import { expect, it } from "vitest";
import { templates } from "../test-support/synth.ts";

it.each([
  ["arm64", "ARM64"],
  ["x86_64", "X86_64"],
] as const)("every task and every function of a stage runs on %s", (architecture, cpu) => {
  const all = Object.values(
    templates({ architecture, capture: { method: "task", allowSessionLogging: false } }),
  );
  const propertiesOf = (type: string) =>
    all.flatMap((template) =>
      Object.values(template.findResources(type)).map(({ Properties }) => Properties),
    );
  const tasks = propertiesOf("AWS::ECS::TaskDefinition");
  expect(tasks).toHaveLength(3);
  for (const { RuntimePlatform } of tasks)
    expect(RuntimePlatform).toEqual({ CpuArchitecture: cpu, OperatingSystemFamily: "LINUX" });
  const functions = propertiesOf("AWS::Lambda::Function");
  expect(functions).toHaveLength(4);
  for (const { Architectures } of functions) expect(Architectures).toEqual([architecture]);
});
