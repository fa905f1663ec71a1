import { describe, expect, it } from "vitest";
import { stageSchema } from "./schema/stage-schema.ts";
import { documentedSections, isJson, PAGE_SECTIONS, settingsPage } from "./test-support/settings-page.ts";
import { stageInput } from "./test-support/stage.ts";

/** A stage that says the least, once with each kind of network; its output holds every default. */
function defaults(network: object): Record<string, unknown> {
  const given = stageInput({ network, server: { loadBalancer: {} } });
  return { stages: { STAGE: {} }, ...stageSchema(given).parse(given) };
}

const SUBNETS = ["a", "b"].map((zone, index) => ({
  id: `subnet-0000000${index}`,
  availabilityZone: `eu-central-1${zone}`,
}));
const NEW = defaults({});
const EXISTING = defaults({ vpcId: "vpc-00000000", cidr: "10.0.0.0/16", subnets: SUBNETS });

function valueAt(root: unknown, path: string): Record<string, unknown> {
  const names = path.split(",")[0]!.replaceAll("[]", ".0").split(".");
  return names.reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], root) as never;
}

describe("docs/settings.md", () => {
  it("says what the doc comments say", async () => {
    await expect(settingsPage()).toMatchFileSnapshot("../../../docs/settings.md");
  });

  it("has every part of the settings", () => {
    const parts = [...documentedSections().keys()].filter(
      (name) => name !== "DbwardConfig" && name !== "ConfigInput",
    );
    expect(PAGE_SECTIONS.map(([, name]) => name).sort()).toEqual(parts.sort());
  });

  it.each(PAGE_SECTIONS)("tells the defaults of %s (%s) that the schema has", (path, name) => {
    const values = valueAt(name === "ExistingNetworkInput" ? EXISTING : NEW, path);
    const told = documentedSections()
      .get(name)!
      .settings.filter(({ default: value }) => value !== undefined && isJson(value));
    for (const { name, default: value } of told)
      expect({ [name]: values[name] }).toEqual({ [name]: JSON.parse(value!) });

    const silent = documentedSections()
      .get(name)!
      .settings.filter(({ default: value, optional }) => optional && value === undefined)
      .map(({ name }) => name)
      .filter((name) => values[name] !== undefined && typeof values[name] !== "object");
    expect(silent.filter((name) => !name.startsWith("config"))).toEqual([]);
  });
});
