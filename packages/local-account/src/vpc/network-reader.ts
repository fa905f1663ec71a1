import {
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcEndpointsCommand,
  type EC2Client,
} from "@aws-sdk/client-ec2";
import { Network } from "./network.ts";

/** Judges by the network of an account, as it is now. */
export class NetworkReader {
  readonly #ec2: Pick<EC2Client, "send">;
  readonly #region: string;
  /** The read that hasn't begun: it answers everybody who asks until then. */
  #next: Promise<Network> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(ec2: Pick<EC2Client, "send">, region: string) {
    this.#ec2 = ec2;
    this.#region = region;
  }

  /**
   * Asks what is closed. Every rule that was there when this was called counts, and no rule that was gone by
   * then.
   *
   * @returns what `judge` finds closed; `undefined` when it finds nothing
   * @throws the SDK's error when the account doesn't answer
   */
  async closed<T>(
    judge: (network: Network) => Promise<T | undefined> | T | undefined,
  ): Promise<T | undefined> {
    return judge(await this.#now());
  }

  #now(): Promise<Network> {
    this.#next ??= this.#last.then(() => {
      this.#next = undefined;
      const network = this.#describe();
      this.#last = network.catch(() => undefined);
      return network;
    });
    return this.#next;
  }

  async #describe(): Promise<Network> {
    const [groups, subnets, tables, endpoints] = await Promise.all([
      this.#ec2.send(new DescribeSecurityGroupsCommand({})),
      this.#ec2.send(new DescribeSubnetsCommand({})),
      this.#ec2.send(new DescribeRouteTablesCommand({})),
      this.#ec2.send(new DescribeVpcEndpointsCommand({})),
    ]);
    return new Network(
      {
        securityGroups: groups.SecurityGroups ?? [],
        subnets: subnets.Subnets ?? [],
        routeTables: tables.RouteTables ?? [],
        endpoints: endpoints.VpcEndpoints ?? [],
      },
      this.#region,
    );
  }
}
