import { readdirSync, readFileSync } from "node:fs";

const LOOK_EVERY_MS = 200;

/** Collects the argument lists of this machine's processes, which every user of it can read. */
export class ProcessArguments {
  readonly #lists = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** All lists so far. */
  get text(): string {
    return [...this.#lists].join("\n");
  }

  /** Ids of the processes that have `text` in their arguments now. */
  static having(text: string): number[] {
    return readAll()
      .filter(({ list }) => list.includes(text))
      .map(({ pid }) => pid);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const { list } of readAll()) this.#lists.add(list);
  }
}

function readAll(): { readonly pid: number; readonly list: string }[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return [{ pid: Number(name), list: readFileSync(`/proc/${name}/cmdline`, "latin1") }];
    } catch {
      return []; // it has ended
    }
  });
}
