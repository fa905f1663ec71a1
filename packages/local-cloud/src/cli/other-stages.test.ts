import { expect, it } from "vitest";
import type { LocalStage } from "../stage/local-stage.ts";
import type { StageStatus } from "../stage/status.ts";
import { OtherStages } from "./other-stages.ts";
import { EMPTY_STATUS } from "./test-support/empty-status.ts";

it("serves a page of a stage while the stage has a stack, one at any time", async () => {
  let stacks: StageStatus["stacks"] = [];
  const stage = { stage: "dev", status: async () => ({ ...EMPTY_STATUS, stage: "dev", stacks }) };
  const pages: { url: string; closed: boolean }[] = [];
  const others = new OtherStages(async () => {
    const page = { url: `http://127.0.0.1:${pages.length}/`, closed: false };
    pages.push(page);
    const close = async () => {
      page.closed = true;
    };
    return { url: page.url, close };
  });
  const url = async () => (await others.status(stage as unknown as LocalStage)).dashboardUrl;

  expect(await url()).toBeNull();
  stacks = [{ name: "dev-dbward-State", status: "CREATE_COMPLETE" }];
  expect([await url(), await url()]).toEqual(["http://127.0.0.1:0/", "http://127.0.0.1:0/"]);
  stacks = [];
  expect([await url(), pages]).toEqual([null, [{ url: "http://127.0.0.1:0/", closed: true }]]);
  stacks = [{ name: "dev-dbward-State", status: "CREATE_COMPLETE" }];
  expect(await url()).toBe("http://127.0.0.1:1/");
  await others.close();
  expect(pages.every(({ closed }) => closed)).toBe(true);
});
