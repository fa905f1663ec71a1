import { z } from "zod";

export const capture = z
  .strictObject({
    method: z.enum(["exec", "task"]).default("exec").meta({
      description: "`exec`: one ECS Exec session; `task`: a one-off task, for accounts that forbid ECS Exec.",
    }),
    allowSessionLogging: z.boolean().default(false).meta({
      description:
        "Write `true` to continue even though the cluster logs its ECS Exec sessions, including tokens.",
    }),
  })
  .meta({
    title: "Token capture",
    description: "How the server's tokens get into Secrets Manager.",
  });
