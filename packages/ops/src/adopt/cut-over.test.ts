import { describe, expect, it } from "vitest";
import { afterFailedCutOver, type CutOverSteps, cutOver, goBack, type Side } from "./cut-over.ts";

class Cut extends Error {}

/** Two servers and one file system. Every change is two moments at which the command can be cut off: before it, and after it. */
class Deployments {
  readonly running = new Set<"former" | "stage">(["former"]);
  isDeployed = false;
  isRetained = false;
  #moments = Number.POSITIVE_INFINITY;

  cutAfter(moments: number): void {
    this.#moments = moments;
  }

  readonly steps: CutOverSteps = {
    retain: () =>
      this.#change(() => {
        if (this.isRetained) return;
        // An update of the stack may send the count of the template.
        this.#run("former");
        this.isRetained = true;
      }),
    former: this.#side("former", () => true),
    stage: this.#side("stage", () => this.isDeployed),
    awaitUnmounted: () => this.#change(() => {}),
    deploy: () =>
      this.#change(() => {
        // A stack that is there already is not changed, and its service neither.
        if (!this.isDeployed) this.#run("stage");
        this.isDeployed = true;
      }),
    verify: () =>
      this.#change(() => {
        if (this.running.size !== 1) throw new Error("no server to compare");
      }),
  };

  #side(name: "former" | "stage", isThere: () => boolean): Side {
    return {
      stop: () => this.#change(() => this.running.delete(name)),
      start: () =>
        this.#change(() => {
          if (isThere()) this.#run(name);
        }),
    };
  }

  #run(name: "former" | "stage"): void {
    this.running.add(name);
    if (this.running.size > 1) throw new Error("two servers write to one file system");
  }

  async #change(change: () => unknown): Promise<void> {
    this.#pass();
    change();
    this.#pass();
  }

  #pass(): void {
    if (this.#moments-- <= 0) throw new Cut("cut off");
  }
}

/** Runs something that is cut off at each moment in turn, and what follows it. @returns at how many */
async function atEveryMoment(
  work: (deployments: Deployments) => Promise<void>,
  after: (deployments: Deployments) => Promise<void>,
): Promise<number> {
  for (let moments = 0; ; moments++) {
    const deployments = new Deployments();
    deployments.cutAfter(moments);
    const error = await work(deployments).catch((thrown: unknown) => thrown);
    if (error !== undefined && !(error instanceof Cut)) throw error;
    deployments.cutAfter(Number.POSITIVE_INFINITY);
    await after(deployments);
    if (error === undefined) return moments;
  }
}

describe("cutOver", () => {
  it("comes to its end when it is run again after a cut at any moment, and never with two servers", async () => {
    const moments = await atEveryMoment(
      ({ steps }) => cutOver(steps),
      async (deployments) => {
        await cutOver(deployments.steps);
        expect([...deployments.running]).toEqual(["stage"]);
        expect(deployments.isRetained).toBe(true);
      },
    );
    expect(moments).toBe(12);
  });

  it("goes back from a cut at any moment, and takes over again", async () => {
    await atEveryMoment(
      ({ steps }) => cutOver(steps),
      async (deployments) => {
        await goBack(deployments.steps);
        expect([...deployments.running]).toEqual(["former"]);
        await cutOver(deployments.steps);
        expect([...deployments.running]).toEqual(["stage"]);
      },
    );
  });

  it("goes back when it is run again after a cut of the way back", async () => {
    const moments = await atEveryMoment(
      async (deployments) => {
        const { steps } = deployments;
        deployments.running.clear();
        deployments.running.add("stage");
        deployments.isDeployed = true;
        await goBack(steps);
      },
      async (deployments) => {
        await goBack(deployments.steps);
        expect([...deployments.running]).toEqual(["former"]);
      },
    );
    expect(moments).toBe(6);
  });

  it("does not deploy while the former server can't be stopped", async () => {
    const deployments = new Deployments();
    const stop = async () => {
      throw new Error("still has tasks");
    };
    await expect(
      cutOver({ ...deployments.steps, former: { ...deployments.steps.former, stop } }),
    ).rejects.toThrow("still has tasks");
    expect(deployments.isDeployed).toBe(false);
  });
});

describe("afterFailedCutOver", () => {
  /** Cuts over with a step that fails, and does what comes after it. */
  async function fail(deployments: Deployments, failing: Partial<CutOverSteps>, agrees = true) {
    const { steps } = deployments;
    await expect(cutOver({ ...steps, ...failing })).rejects.toThrow("broken");
    return afterFailedCutOver({
      isServing: async () => deployments.running.has("stage"),
      isFormerStopped: async () => !deployments.running.has("former"),
      agrees: async () => agrees,
      goBack: () => goBack(steps),
    });
  }
  const broken = async (): Promise<never> => {
    throw new Error("broken");
  };

  it("starts the former server again when the stage is not deployed, and another try takes over", async () => {
    const deployments = new Deployments();
    expect(await fail(deployments, { deploy: broken })).toBe("went-back");
    expect([...deployments.running]).toEqual(["former"]);
    await cutOver(deployments.steps);
    expect([...deployments.running]).toEqual(["stage"]);
  });

  it("leaves a stage that serves, even where it has lost something", async () => {
    const deployments = new Deployments();
    expect(await fail(deployments, { verify: broken })).toBe("stage-serves");
    expect([...deployments.running]).toEqual(["stage"]);
  });

  it("has nothing to do where the former server was not stopped", async () => {
    const deployments = new Deployments();
    expect(await fail(deployments, { retain: broken })).toBe("former-runs");
    expect([...deployments.running]).toEqual(["former"]);
  });

  it("leaves everything stopped where nobody agrees", async () => {
    const deployments = new Deployments();
    expect(await fail(deployments, { deploy: broken }, false)).toBe("all-stopped");
    expect(deployments.running.size).toBe(0);
  });
});
