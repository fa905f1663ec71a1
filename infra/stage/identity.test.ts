import type { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { templates } from "../test-support/synth.ts";

const BOUNDARY = "arn:aws:iam::111111111111:policy/boundary";
const capture = { method: "task", allowSessionLogging: false } as const;
const plain = Object.values(templates({ capture }));
const held = Object.values(
  templates({
    capture,
    iam: { permissionsBoundary: BOUNDARY, rolePath: "/dbward/" },
    tags: { "cost-center": "42" },
  }),
);

/** The properties of all resources of a type. */
const propertiesOf = (all: readonly Template[], type: string) =>
  all.flatMap((template) => Object.values(template.findResources(type)).map(({ Properties }) => Properties));

describe("roles", () => {
  it("have the boundary and the path of the settings, every one of them", () => {
    const roles = propertiesOf(held, "AWS::IAM::Role");
    expect(roles.length).toBeGreaterThan(7);
    for (const role of roles) expect(role).toMatchObject({ PermissionsBoundary: BOUNDARY, Path: "/dbward/" });
  });

  it("have neither without the settings", () => {
    for (const role of propertiesOf(plain, "AWS::IAM::Role")) {
      expect(role).not.toHaveProperty("PermissionsBoundary");
      expect(role).not.toHaveProperty("Path");
    }
  });
});

describe("tags", () => {
  const tagsOf = ({ Tags, FileSystemTags, AccessPointTags }: Record<string, unknown>) =>
    Tags ?? FileSystemTags ?? AccessPointTags;

  it("are on every resource that has those of the stage", () => {
    const tagged = held.flatMap((template) =>
      Object.values(template.toJSON().Resources as Record<string, { Type: string; Properties?: object }>)
        .map(({ Type, Properties = {} }) => ({ Type, tags: tagsOf({ ...Properties }) }))
        .filter(({ tags }) => tags !== undefined),
    );
    expect(new Set(tagged.map(({ Type }) => Type)).size).toBeGreaterThan(12);
    for (const { Type, tags } of tagged) {
      const own = Array.isArray(tags)
        ? tags.some(({ Key, Value }) => Key === "cost-center" && Value === "42")
        : (tags as Record<string, string>)["cost-center"] === "42";
      expect(own, Type).toBe(true);
    }
  });

  it("go from the services to their tasks", () => {
    const services = propertiesOf(held, "AWS::ECS::Service");
    expect(services).toHaveLength(2);
    for (const service of services) expect(service.PropagateTags).toBe("SERVICE");
  });
});
