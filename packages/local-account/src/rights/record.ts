import { renameSync, writeFileSync } from "node:fs";

/** How often a role asked for a right, and with what success. */
export interface RightsUse {
  allowed: number;
  refused: number;
}

/** Rights that were asked for, by the role's name and the action. */
export type UsedRights = Readonly<Record<string, Readonly<Record<string, Readonly<RightsUse>>>>>;

/** Name of the file with the rights that every role has used, in the directory of the account. */
export const RIGHTS_FILE = "rights.json";

const WRITE_MS = 500;

/** Which rights every role has used: what a role has beyond them, nothing has needed. */
export class RightsRecord {
  readonly #file: string;
  readonly #roles = new Map<string, Map<string, RightsUse>>();
  #timer: NodeJS.Timeout | undefined;

  /** @param file JSON of {@link UsedRights}, written half a second after a change */
  constructor(file: string) {
    this.#file = file;
  }

  /** @param role ARN */
  add(role: string, action: string, allowed: boolean): void {
    const name = role.split("/").at(-1)!;
    const actions = this.#roles.get(name) ?? new Map<string, RightsUse>();
    const use = actions.get(action) ?? { allowed: 0, refused: 0 };
    use[allowed ? "allowed" : "refused"]++;
    this.#roles.set(name, actions.set(action, use));
    this.#timer ??= setTimeout(() => this.#write(), WRITE_MS).unref();
  }

  /** What was used until now. */
  get used(): UsedRights {
    return Object.fromEntries([...this.#roles].map(([role, actions]) => [role, Object.fromEntries(actions)]));
  }

  /** Writes what is left. */
  close(): void {
    if (this.#timer) this.#write();
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const next = `${this.#file}.next`;
    try {
      writeFileSync(next, `${JSON.stringify(this.used, undefined, 2)}\n`);
      renameSync(next, this.#file);
    } catch {
      // The folder may have been removed, or the disk full: no call fails because of the record.
    }
  }
}
