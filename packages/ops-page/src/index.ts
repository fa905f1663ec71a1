export { type ClientOptions, type StageClients, stageClients } from "./stage-clients.ts";
export {
  type DashboardPage,
  type DashboardPageOptions,
  type ExtraFacts,
  startDashboardPage,
} from "./start-dashboard-page.ts";
