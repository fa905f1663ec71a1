export { type CostItem, type Estimate, estimateCost, type Template } from "./cost/estimate.ts";
export { PreflightError } from "./preflight/preflight.ts";
export { type Preparation, prepareDeployment } from "./prepare-deployment.ts";
