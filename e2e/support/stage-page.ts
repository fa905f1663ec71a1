import { existsSync } from "node:fs";
import type { LocalStage } from "@dbward-aws/local-cloud";
import { startDashboardPage } from "@dbward-aws/ops-page";
import { chromium } from "playwright-core";

const PLACES = [process.env.DBWARD_CHROMIUM ?? "", "/usr/bin/chromium", "/usr/bin/chromium-browser"];

/** Where the browser is; `undefined` when there is none. */
export const CHROMIUM = PLACES.find((path) => path !== "" && existsSync(path));
if (process.env.CI && !CHROMIUM) throw new Error("CI needs chromium: apt-get install chromium.");

/** The page of a stage, open in a browser. */
export interface StagePage {
  /** Waits until the page has an element that matches. */
  shows(selector: string): Promise<void>;
  content(): Promise<string>;
  close(): Promise<void>;
}

/** Serves the page of a stage and opens it. */
export async function openPage(stage: LocalStage): Promise<StagePage> {
  const served = await startDashboardPage({
    stage: stage.stage,
    aws: stage.clientConfig(),
    refreshSeconds: { metrics: 5, state: 2 },
  });
  const browser = await chromium.launch({ executablePath: CHROMIUM!, args: ["--no-sandbox"] });
  const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
  await page.goto(served.url);
  return {
    shows: async (selector) => {
      await page.waitForSelector(selector, { timeout: 30_000, state: "attached" });
    },
    content: () => page.content(),
    close: async () => {
      await browser.close();
      await served.close();
    },
  };
}
