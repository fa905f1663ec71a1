import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Store } from "./store.ts";

describe("the state of the stand-in server", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "store-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const file = () => readFileSync(join(directory, "dbward.db"), "utf8");
  const change = (store: Store, name: string) => {
    store.state.synced.push(name);
    store.changed();
    return store.written();
  };

  it("is written at once while it is small", async () => {
    const store = Store.open(directory, 2);
    const written = change(store, "first");
    expect(file()).toContain("first");
    await written;
  });

  it("is written for several changes together when it is large, and each waits for that", async () => {
    const store = Store.open(directory, 2);
    await change(store, "x".repeat(16 * 2 ** 20));
    const written = ["one", "another"].map((name) => change(store, name));
    expect(file()).not.toContain("one");
    await Promise.all(written);
    expect(file()).toContain('"one","another"');
  });

  it("tells all that wait when it can't be written", async () => {
    const store = Store.open(directory, 2);
    await change(store, "x".repeat(16 * 2 ** 20));
    const written = ["one", "another"].map((name) => change(store, name));
    rmSync(directory, { recursive: true });
    const ends = await Promise.allSettled(written);
    expect(ends.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    directory = mkdtempSync(join(tmpdir(), "store-"));
  });
});
