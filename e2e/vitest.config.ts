import { mergeConfig } from "vitest/config";
import shared from "../vitest.shared.ts";

/** The stories wait for schedules more than they work: all are told at the same time, also on two cores. */
export default mergeConfig(shared, { test: { maxWorkers: 2 } });
