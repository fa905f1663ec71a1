import type { DashboardPage } from "@dbward-aws/ops-page";
import type { LocalStage } from "../stage/local-stage.ts";
import type { StageStatus } from "../stage/status.ts";

/** The further stages of an account, and the page of each that is deployed. */
export class OtherStages {
  readonly #servePage: (stage: LocalStage) => Promise<DashboardPage>;
  readonly #stages = new Map<string, Promise<LocalStage>>();
  readonly #pages = new Map<string, Promise<DashboardPage>>();

  constructor(servePage: (stage: LocalStage) => Promise<DashboardPage>) {
    this.#servePage = servePage;
  }

  /** @param first stage of the account */
  get(first: LocalStage, name: string): Promise<LocalStage> {
    const stage = this.#stages.get(name) ?? first.beside(name);
    this.#stages.set(name, stage);
    return stage;
  }

  /** Its page is served from the first look on that finds a stack, and until none is left. */
  async status(stage: LocalStage): Promise<StageStatus> {
    const status = await stage.status();
    const page = this.#pages.get(stage.stage);
    if (status.stacks.length === 0) {
      this.#pages.delete(stage.stage);
      await (await page)?.close();
      return status;
    }
    const served = page ?? this.#servePage(stage);
    this.#pages.set(stage.stage, served);
    return { ...status, dashboardUrl: (await served).url };
  }

  /** Ends the pages. */
  async close(): Promise<void> {
    for (const page of this.#pages.values()) await (await page).close();
  }
}
