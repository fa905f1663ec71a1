/** The network of the emulated account: which ways its security groups and routes open. */

export { DATABASE_PLACES_TAG, type DatabasePlace, databasePlaces } from "./database-places.ts";
export { Gate } from "./gate.ts";
export type { Network, Place } from "./network.ts";
export { NetworkReader } from "./network-reader.ts";
