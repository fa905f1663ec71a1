import { WEEKDAYS } from "@dbward-aws/contract";
import { defineConfig } from "@dbward-aws/settings";

/** Not today, whatever the time zone: the story works outside the hours. */
const inThreeDays = WEEKDAYS[(new Date().getUTCDay() + 2) % 7]!;

/** A stage that is stopped while the story runs, unless somebody starts it. */
export default defineConfig({
  stages: {
    local: {
      hours: { timeZone: "Europe/Berlin", start: "08:00", stop: "19:00", days: [inThreeDays] },
      server: { image: { tag: "0.2.0" }, configFile: "config/server.toml" },
      agents: [
        {
          name: "app",
          token: "bootstrap",
          image: { tag: "0.2.0" },
          configFile: "config/agent.toml",
          // On this machine.
          database: { urlSecret: "dbward/local/database-url", cidrs: ["127.0.0.0/8"] },
        },
      ],
    },
  },
});
