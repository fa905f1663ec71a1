import { z } from "zod";
import type { DeepReadonly } from "./deep-readonly.ts";
import * as field from "./fields.ts";
import { checkTask, image, taskFields, type WithConfig } from "./task.ts";
import { always, asFields } from "./unknown-values.ts";

/** Every IPv4 address. */
export const ANYWHERE = "0.0.0.0/0";

const loadBalancer = z
  .strictObject({
    scheme: z
      .enum(["internal", "internet-facing"])
      .default("internal")
      .meta({ description: "Reachable from the VPC, or from the internet." }),
    certificateArn: field.certificateArn.optional().meta({
      description: "ARN of the ACM certificate for HTTPS.",
      whenOmitted: "none: plain HTTP",
    }),
    allowedCidrs: field.cidrs.min(1, "must name at least one block").optional().meta({
      description: "IPv4 CIDR blocks that may reach it.",
      whenOmitted: "`0.0.0.0/0` if internet-facing, otherwise the CIDR blocks of the VPC",
    }),
    allowPublicHttp: z.boolean().default(false).meta({
      description: "Write `true` to accept plain HTTP, including tokens, from the internet.",
    }),
  })
  .superRefine(
    (value, context) => {
      const { scheme, certificateArn, allowPublicHttp } = asFields(value);
      const refuse = (path: string, message: string) =>
        context.addIssue({ code: "custom", path: [path], message });
      if (allowPublicHttp === true && certificateArn !== undefined)
        refuse("allowPublicHttp", "is true, but the certificate makes it HTTPS: leave out one of the two");
      else if (allowPublicHttp === true && scheme !== "internet-facing")
        refuse("allowPublicHttp", "is true, but the load balancer is internal: leave it out");
      else if (allowPublicHttp !== true && certificateArn === undefined && scheme === "internet-facing")
        refuse(
          "certificateArn",
          "is missing: an internet-facing load balancer without a certificate sends tokens in plain text. " +
            "Name an ACM certificate, or write allowPublicHttp: true",
        );
    },
    { when: always },
  )
  .transform(({ allowPublicHttp: _, ...loadBalancer }) =>
    loadBalancer.scheme === "internet-facing" ? { allowedCidrs: [ANYWHERE], ...loadBalancer } : loadBalancer,
  )
  .meta({ title: "An Application Load Balancer", description: "A load balancer in front of the server." });

const listener = z
  .strictObject({
    arn: field.listenerArn.meta({
      description: "ARN of the listener, whose load balancer is in the VPC of the stage.",
    }),
    securityGroupId: field.securityGroupId.meta({
      description: "Security group of the load balancer, from which the server accepts requests.",
    }),
    url: z
      .string()
      .regex(
        /^https?:\/\/[a-zA-Z0-9-]{1,63}(\.[a-zA-Z0-9-]{1,63})*(:\d{1,5})?\/?$/,
        'must be the URL by which people reach the server, such as "https://dbward.example.com": protocol, host and port, without path',
      )
      .transform((url) => url.replace(/\/$/, ""))
      .meta({
        description:
          "URL by which people reach the server, `https://HOST` or `https://HOST:PORT`. Requests with this host are forwarded to the server; " +
          "its DNS record is yours.",
      }),
    priority: z.int().min(1, "must be 1 to 50000").max(50_000, "must be 1 to 50000").meta({
      description: "Priority of the rule, 1 to 50000, which no other rule of the listener has.",
    }),
  })
  .meta({
    title: "An existing listener",
    description:
      "A listener of an existing Application Load Balancer in front of the server, in place of `loadBalancer`.",
  });

export const server = z
  .strictObject({
    image: image("ghcr.io/dbward-dev/dbward-server").meta({ description: "The server's image." }),
    ...taskFields({ cpu: 512, memoryMiB: 1024, configName: "server.toml" }),
    allowedCidrs: field.cidrs.default([]).meta({
      description:
        "IPv4 CIDR blocks that may reach port 3000, in addition to agents, poller and load balancer.",
    }),
    loadBalancer: loadBalancer.optional(),
    listener: listener.optional(),
    stopTimeoutSeconds: field
      .stopTimeout(21, "must be more than 20: the server drains for 20 seconds before it stops")
      .default(120)
      .meta({
        description:
          "Seconds between SIGTERM and SIGKILL, 21 to 120. The server drains for 20, and longer while it answers calls: a " +
          "client that waits for the state of its request keeps it running for up to 120, which is also Fargate's maximum. Without " +
          "such calls it stops after 20.",
      }),
    licenseKeySecret: field.secretName
      .optional()
      .meta({ description: `Secret with the licence key: ${field.SECRET_FORMS}.` }),
  })
  .superRefine(checkTask, { when: always })
  .meta({ title: "The dbward server", description: "The dbward server: one task, with its state on EFS." });

/** The load balancer. Without `allowedCidrs` it is open to the blocks of the VPC. */
export type LoadBalancerSettings = DeepReadonly<z.output<typeof loadBalancer>>;
/** A listener that exists. */
export type ListenerSettings = DeepReadonly<z.output<typeof listener>>;
export type ServerSettings = DeepReadonly<WithConfig<z.output<typeof server>>>;
