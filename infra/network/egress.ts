/** How tasks reach AWS and the registry of their images. */
export class Egress {
  /** Whether there is a NAT gateway in each availability zone. */
  readonly usesNat: boolean;
  /** Whether VPC endpoints take the place of the internet. */
  readonly usesEndpoints: boolean;
  /** Whether tasks get public addresses. */
  readonly assignPublicIp: boolean;

  private constructor(way: "nat" | "endpoints" | "public") {
    this.usesNat = way === "nat";
    this.usesEndpoints = way === "endpoints";
    this.assignPublicIp = way === "public";
  }

  /** By NAT gateways, one in each availability zone. */
  static nat(): Egress {
    return new Egress("nat");
  }

  /** By VPC endpoints alone, without the internet: images have to be in ECR. */
  static endpoints(): Egress {
    return new Egress("endpoints");
  }

  /** By public addresses of the tasks, for trying things out. */
  static publicAddresses(): Egress {
    return new Egress("public");
  }

  /** Whether the network needs public subnets for it. */
  get needsPublicSubnets(): boolean {
    return !this.usesEndpoints;
  }
}
