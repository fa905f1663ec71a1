import { arnOf, type Call, type Need, type NeedsOf, text, texts } from "./call.ts";

/**
 * @see
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
 */
export const ecsNeeds: NeedsOf = async (call, account) => {
  const cluster = clusterArn(call, text(call, "cluster"));
  const context = { "ecs:cluster": cluster };
  const need = (resource: string, more: Need["context"] = {}): Need => ({
    action: `ecs:${call.operation}`,
    resource,
    context: { ...context, ...more },
  });
  switch (call.operation) {
    case "ListTasks": // its one resource is the container instance, which Fargate doesn't have
      return [need("*")];
    case "DescribeServices":
      return texts(call, "services").map((service) => need(memberArn(call, "service", cluster, service)));
    case "DescribeTasks":
      return texts(call, "tasks").map((task) => need(memberArn(call, "task", cluster, task)));
    case "StopTask":
      return [need(memberArn(call, "task", cluster, text(call, "task") ?? ""))];
    case "UpdateService":
      return [need(memberArn(call, "service", cluster, text(call, "service") ?? ""))];
    case "DescribeClusters":
      return texts(call, "clusters").map((name) => ({
        action: "ecs:DescribeClusters",
        resource: clusterArn(call, name),
      }));
    case "DescribeTaskDefinition":
      return [{ action: "ecs:DescribeTaskDefinition", resource: "*" }];
    case "ExecuteCommand": {
      const task = memberArn(call, "task", cluster, text(call, "task") ?? "");
      const container = text(call, "container");
      const more = { "ecs:task": task, ...(container ? { "ecs:container-name": container } : {}) };
      return [need(cluster, more), need(task, more)];
    }
    case "RunTask": {
      const id = text(call, "taskDefinition") ?? "";
      const definition = await account.taskDefinition(id);
      const enableExec = String(call.input.enableExecuteCommand === true);
      return [
        need(
          definition?.arn ?? (id.startsWith("arn:") ? id : arnOf(call.place, "ecs", `task-definition/${id}`)),
          {
            "ecs:enable-execute-command": enableExec,
          },
        ),
        ...(definition?.roles ?? []).map((role) => passRole(role, "ecs-tasks.amazonaws.com")),
      ];
    }
    default:
      return undefined;
  }
};

/** The caller lends a role to a service. */
export function passRole(role: string, service: string): Need {
  return { action: "iam:PassRole", resource: role, context: { "iam:PassedToService": service } };
}

function clusterArn({ place }: Call, name = "default"): string {
  return name.startsWith("arn:") ? name : arnOf(place, "ecs", `cluster/${name}`);
}

/** ARN of a task or a service. @param id its ARN, or its name or id */
function memberArn({ place }: Call, kind: "service" | "task", cluster: string, id: string): string {
  return id.startsWith("arn:") ? id : arnOf(place, "ecs", `${kind}/${cluster.split("/").at(-1)}/${id}`);
}
