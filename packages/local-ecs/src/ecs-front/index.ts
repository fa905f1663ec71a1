/** The ECS API of the local stage: the emulated account's records, with tasks that really run. */

export { type EcsFront, type EcsFrontOptions, startEcsFront } from "./ecs-front.ts";
