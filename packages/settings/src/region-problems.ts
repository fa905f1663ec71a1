import { ecrRepository } from "./ecr.ts";
import { type Problem, placeOf, SettingsError } from "./problems.ts";
import type { StageSettings } from "./stage-settings.ts";
import { usedSecrets } from "./used-secrets.ts";

/**
 * Settings that name something in another region that must be in the stage's region.
 *
 * @param region region of the stage, such as `eu-central-1`
 */
export function regionProblems(settings: Omit<StageSettings, "warnings">, region: string): Problem[] {
  const { stage, cluster, network, server, agents, encryption, monitoring } = settings;
  const problems: Problem[] = [];
  const refuse = (path: string, message: string) => problems.push({ where: placeOf(stage, path), message });

  for (const { kind, name, path } of usedSecrets(settings)) {
    const other = kind === "secret" ? regionOfArn(name) : undefined;
    if (other !== undefined && other !== region)
      refuse(
        path,
        `is a secret in ${other}, and the stage is in ${region}. Run: aws secretsmanager replicate-secret-to-regions ` +
          `--region ${other} --secret-id ${name} --add-replica-regions Region=${region}, and name the replica`,
      );
  }
  for (const [path, key] of [
    ["kmsKey", encryption.kmsKey] as const,
    ...Object.entries(encryption.keys).map(([name, key]) => [`keys.${name}`, key] as const),
  ]) {
    const other = regionOfArn(key);
    if (other !== undefined && other !== region)
      refuse(
        `encryption.${path}`,
        `is a key in ${other}, and the stage is in ${region}: KMS uses a key in its own region only. Name a key in ${region}`,
      );
  }
  const ofCluster = regionOfArn(cluster);
  if (ofCluster !== undefined && ofCluster !== region)
    refuse("cluster", `is in ${ofCluster}, and the stage is in ${region}: name a cluster there`);
  const ofTopic = regionOfArn(monitoring.topicArn);
  if (ofTopic !== undefined && ofTopic !== region)
    refuse(
      "monitoring.topicArn",
      `is a topic in ${ofTopic}, and the stage is in ${region}: alarms publish in their own region only. Name a topic there`,
    );
  const ofListener = regionOfArn(server.listener?.arn);
  if (ofListener !== undefined && ofListener !== region)
    refuse(
      "server.listener.arn",
      `is in ${ofListener}, and the stage is in ${region}: name a listener there`,
    );
  const ofCertificate = regionOfArn(server.loadBalancer?.certificateArn);
  if (ofCertificate !== undefined && ofCertificate !== region)
    refuse(
      "server.loadBalancer.certificateArn",
      `is a certificate in ${ofCertificate}, and the stage is in ${region}: request or import one there`,
    );
  const images = [
    { path: "server.image.repository", image: server.image },
    ...agents.map(({ image }, index) => ({ path: `agents.${index}.image.repository`, image })),
  ];
  for (const { path, image } of images) {
    const ecr = ecrRepository(image.repository);
    if (network.egress === "endpoints" && ecr && ecr.region !== region)
      refuse(
        path,
        `is in ${ecr.region}, which can't be reached: network.egress is "endpoints", and the stage's endpoints are for ${region}`,
      );
  }
  if (network.kind === "existing")
    for (const list of ["subnets", "publicSubnets"] as const)
      network[list].forEach(({ availabilityZone: zone }, index) => {
        if (zone !== undefined && !isZoneOf(region, zone))
          refuse(
            `network.${list}.${index}.availabilityZone`,
            `is ${zone}, which is not an availability zone of ${region}`,
          );
      });
  return problems;
}

/**
 * Refuses settings that name something of another region.
 *
 * @throws SettingsError with every {@link regionProblems problem}
 */
export function checkRegion(settings: Omit<StageSettings, "warnings">, region: string): void {
  const problems = regionProblems(settings, region);
  if (problems.length > 0) throw new SettingsError(settings.stage, problems);
}

/** The region in an ARN; `undefined` for a name. */
export function regionOfArn(nameOrArn: string | undefined): string | undefined {
  return nameOrArn?.startsWith("arn:") ? nameOrArn.split(":")[3] : undefined;
}

function isZoneOf(region: string, zone: string): boolean {
  return zone.startsWith(region) && /^[a-z]$/.test(zone.slice(region.length));
}
