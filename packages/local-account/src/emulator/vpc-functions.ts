import { once } from "node:events";
import { createServer } from "node:http";
import { json } from "node:stream/consumers";

/** A function of the emulated account that runs in a VPC. */
export interface VpcFunction {
  readonly name: string;
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  /** Its environment variables. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Says which environment variables a function gets here. */
export type FunctionVariables = (
  vpcFunction: VpcFunction,
) => Promise<Record<string, string>> | Record<string, string>;

/**
 * Answers the emulator, which asks before it starts a function in a VPC: names there mean nothing on this
 * machine.
 *
 * @param socketPath in a folder that only its owner can enter
 */
export async function answerVpcFunctions(
  socketPath: string,
  answer: FunctionVariables,
): Promise<{ close(): Promise<void> }> {
  const server = createServer((request, response) => {
    void json(request)
      .then((asked) => answer(asked as VpcFunction))
      .then((variables) => response.end(JSON.stringify(variables)))
      .catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  server.listen(socketPath);
  await once(server, "listening");
  return {
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
