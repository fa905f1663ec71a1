import { defineConfig, mergeConfig } from "vitest/config";
import shared from "../vitest.shared.ts";

// Loading aws-cdk-lib takes longer than most of these tests: files share it, as none changes a module's state.
export default mergeConfig(shared, defineConfig({ test: { isolate: false } }));
