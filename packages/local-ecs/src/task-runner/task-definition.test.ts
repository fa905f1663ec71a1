import { describe, expect, it } from "vitest";
import { readTaskDefinition } from "./task-definition.ts";

const API = {
  taskDefinitionArn: "arn:td:1",
  family: "server",
  containerDefinitions: [
    {
      name: "server",
      image: "dbward-server:0.2.0",
      secrets: [{ name: "TOKEN", valueFrom: "arn:secret" }],
      healthCheck: { command: ["CMD-SHELL", "true"], interval: 10, startPeriod: 15 },
      logConfiguration: { logDriver: "awslogs", options: { "awslogs-group": "/g", Upper: "kept" } },
    },
  ],
  volumes: [
    {
      name: "data",
      efsVolumeConfiguration: { fileSystemId: "fs-1", authorizationConfig: { accessPointId: "fsap-1" } },
    },
  ],
};

/** What the emulator makes of a CloudFormation template: the first level renamed, the rest as it was. */
const CLOUDFORMATION = {
  ...API,
  containerDefinitions: [
    {
      name: "server",
      image: "dbward-server:0.2.0",
      secrets: [{ Name: "TOKEN", ValueFrom: "arn:secret" }],
      healthCheck: { Command: ["CMD-SHELL", "true"], Interval: "10", StartPeriod: 15 },
      logConfiguration: { logDriver: "awslogs", options: { "awslogs-group": "/g", Upper: "kept" } },
    },
  ],
  volumes: [
    {
      Name: "data",
      EFSVolumeConfiguration: { FilesystemId: "fs-1", AuthorizationConfig: { AccessPointId: "fsap-1" } },
    },
  ],
};

describe("readTaskDefinition", () => {
  it("reads the API's spelling", () => {
    expect(readTaskDefinition(API)).toEqual(API);
  });

  it("reads CloudFormation's spelling", () => {
    expect(readTaskDefinition(CLOUDFORMATION)).toEqual(API);
  });
});
