export { DbwardStage, type DbwardStageProps } from "./dbward-stage.ts";
export { EXPORTING_STACKS } from "./kept-exports.ts";
export { type RetainedResource, retainedResources } from "./retained.ts";
