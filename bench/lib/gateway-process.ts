/**
 * Started by `gateway.ts`: the exec gateway of the local stage behind the one operation of ECS that it needs;
 * beside it AWS and a dbward server, as a capture meets them. Says where they are, and resets the stage at
 * every message.
 *
 * @module
 */
import { once } from "node:events";
import { readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { CaptureProperties } from "@dbward-aws/contract";
import { SECRET, Stage } from "../../functions/capture-tokens/src/test-support/stage.ts";
import { ExecGateway } from "../../packages/local-ecs/src/exec-gateway/index.ts";

/** How the exec agent behaves; ECS's waits a second and pauses one millisecond. */
export interface GatewayOptions {
  /** Milliseconds before a command's first output. */
  readonly firstOutputDelayMs: number;
  /** Milliseconds between two messages of output. */
  readonly outputPauseMs: number;
}

/** What the measuring process has to know. */
export interface GatewayReport {
  readonly execEndpoint: string;
  /** Configuration of clients of everything but `ExecuteCommand`. */
  readonly aws: Stage["aws"]["clientConfig"];
  /** Of a stage with one agent: two files, and one token to be made. */
  readonly properties: CaptureProperties;
  /** Files that a capture reads, and what is in them. */
  readonly files: readonly { readonly path: string; readonly token: string }[];
}

const options = JSON.parse(process.argv[2]!) as GatewayOptions;
const stage = await Stage.start();
const view = {
  environment: { PATH: process.env.PATH! },
  directory: "/",
  translate: (line: string) => line.replaceAll("/tmp/dbward-capture", stage.container.directory),
};

const http = createServer(async (request, response) => {
  const { command } = JSON.parse(await text(request)) as { command: string };
  response.end(JSON.stringify({ session: gateway.start({ container: "server", command, view }) }));
});
await once(http.listen(0, "127.0.0.1"), "listening");
const { port } = http.address() as AddressInfo;
const gateway = new ExecGateway({ url: `ws://127.0.0.1:${port}`, ...options });
http.on("upgrade", (request, socket, head) => gateway.handleUpgrade(request, socket, head));

const state = stage.server.stateDirectory;
const report: GatewayReport = {
  execEndpoint: `http://127.0.0.1:${port}`,
  aws: stage.aws.clientConfig,
  properties: stage.properties({
    AgentTokens: [{ Agent: "ecs-agent", Secret: SECRET.agent, Source: "bootstrap" }],
  }),
  files: [
    { path: join(state, "admin-token"), token: stage.server.admin },
    { path: join(state, "agent-token"), token: stage.server.agent },
  ],
};
process.on("message", () => {
  for (const arn of Object.values(SECRET)) stage.aws.addSecret(arn);
  stage.server.users.clear();
  for (const name of readdirSync(stage.container.directory))
    rmSync(join(stage.container.directory, name), { recursive: true });
  process.send!("done");
});
process.on("disconnect", () => {
  stage.close();
  process.exit(0);
});
process.send!(report);
