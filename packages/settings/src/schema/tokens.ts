import { z } from "zod";

const days = "must be 1 to 1000 days";

export const tokens = z
  .strictObject({
    rotateAfterDays: z
      .int(days)
      .min(1, days)
      .max(1_000, days)
      .optional()
      .meta({
        description:
          "Age in days at which the tokens of the administrator, the poller and the agents are replaced, without a gap: an agent's tasks are " +
          "replaced, and the former token is revoked when the new one is in use. The first rotation of a bootstrap token leaves that one valid; " +
          "only `pnpm ops tokens recover` ends it.",
        whenOmitted: "no token is replaced unasked",
      }),
  })
  .meta({
    title: "Tokens",
    description:
      "Whether tokens are replaced on a schedule. Whether the server accepts them is checked once a day in any case.",
  });
