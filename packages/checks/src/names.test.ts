import {
  AGENT,
  CAPTURE_AGAIN_PARAMETER,
  CAPTURE_RESOURCE_TYPE,
  CONFIG_VARIABLE,
  METRICS_ROLE,
  METRICS_USER,
  POLLER_ENVIRONMENT,
  SERVER,
} from "@dbward-aws/contract";
import { describe, expect, it } from "vitest";
import { files, text } from "./repository.ts";

/** What states facts of dbward, and the contract, spell their names themselves. */
const PRODUCT =
  /^(packages\/(?!checks\/|contract\/|dbward-config\/|dbward-stand-in\/)|functions|infra).*\.ts$/;
const TEST = /\.test\.ts$|\/test-support\//;

describe("names on which the parts agree", () => {
  const names = [
    ...Object.values(POLLER_ENVIRONMENT),
    AGENT.databaseUrlVariable,
    AGENT.tokenVariable,
    AGENT.tokenVersionVariable,
    SERVER.licenseKeyVariable,
    CAPTURE_AGAIN_PARAMETER,
    CAPTURE_RESOURCE_TYPE,
    CONFIG_VARIABLE,
    METRICS_ROLE,
    METRICS_USER,
  ];
  const sources = files(PRODUCT)
    .filter((path) => !TEST.test(path))
    .map((path) => ({ path, code: text(path).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "") }));

  it.each(names)("%s is spelled in packages/contract alone", (name) => {
    const word = new RegExp(`(?<![\\w.-])${name}(?![\\w-])`);
    expect(sources.filter(({ code }) => word.test(code)).map(({ path }) => path)).toEqual([]);
  });
});
