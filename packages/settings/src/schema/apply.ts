import { APPLY_SECRETS } from "@dbward-aws/contract";
import { z } from "zod";

export const apply = z
  .strictObject({
    configuration: z
      .boolean()
      .default(true)
      .meta({
        description:
          "After a change of a configuration in SSM (`configParameter`), check it by dbward's rules and restart the services that read it. A text that " +
          "dbward would refuse restarts nothing, and the receivers of alarms get its lines. A restart of the server is an outage of 1.5 to 3 minutes.",
      }),
    secrets: z
      .enum(APPLY_SECRETS)
      .default("agents")
      .meta({
        description:
          "Whose tasks are replaced when a secret that they read has a new value: the `agents`' only, one agent after the other; `all`, with the " +
          "server, which is an outage of 1.5 to 3 minutes; or `none`.",
      }),
  })
  .meta({
    title: "Changed values",
    description: "What happens when a configuration in SSM or a secret gets a new value.",
  });
