import { mergeConfig } from "vitest/config";
import shared from "../vitest.shared.ts";

/**
 * The stories wait for schedules, alarms and drains as long as they work: three at a time keep two cores
 * busy.
 */
export default mergeConfig(shared, { test: { maxWorkers: 3 } });
