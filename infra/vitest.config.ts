import { defineConfig, mergeConfig } from "vitest/config";
import shared from "../vitest.shared.ts";

// Loading aws-cdk-lib takes longer than most of these tests: files share it, as none changes a module's state. A synthesis
// of all variants takes seconds on an idle machine, and much longer beside other work.
export default mergeConfig(shared, defineConfig({ test: { isolate: false, testTimeout: 180_000 } }));
