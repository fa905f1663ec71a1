import { expect, it } from "vitest";
import { CleanUp } from "./clean-up.ts";

it("aborts work in progress, then undoes the latest first", async () => {
  const cleanUp = new CleanUp();
  const order: string[] = [];
  cleanUp.signal.addEventListener("abort", () => order.push("abort"));
  cleanUp.add(() => order.push("first"));
  cleanUp.add(() => order.push("second"));
  await cleanUp.run();
  expect(order).toEqual(["abort", "second", "first"]);
});

it("undoes the rest when one fails, and then throws", async () => {
  const cleanUp = new CleanUp();
  let undone = false;
  cleanUp.add(() => {
    undone = true;
  });
  cleanUp.add(() => Promise.reject(new Error("stuck")));
  await expect(cleanUp.run()).rejects.toThrow("stuck");
  expect(undone).toBe(true);
});

it("undoes everything once", async () => {
  const cleanUp = new CleanUp();
  let times = 0;
  cleanUp.add(() => times++);
  await cleanUp.run();
  await cleanUp.run();
  expect(times).toBe(1);
});
