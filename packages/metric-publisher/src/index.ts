export { ApiPublisher } from "./api-publisher.ts";
export { EmfPublisher } from "./emf-publisher.ts";
export { PublishError } from "./errors.ts";
export { type Distribution, histogram, type Measurement, statisticSet, unitOf } from "./measurement.ts";
export type { MetricPublisher } from "./publisher.ts";
