export {
  type DashboardPage,
  type DashboardPageOptions,
  startDashboardPage,
} from "./start-dashboard-page.ts";
