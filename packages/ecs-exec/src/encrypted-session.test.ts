import { KMSClient } from "@aws-sdk/client-kms";
import { Deadline } from "@dbward-aws/core";
import { expect, it } from "vitest";
import { WebSocket } from "ws";
import { startHttpServer } from "../../core/src/test-support/http-server.ts";
import { SessionCipher } from "./channel/session-cipher.ts";
import { EcsExec } from "./ecs-exec.ts";
import { kmsDataKeys } from "./kms.ts";
import { encodeHandshakeComplete, encodeHandshakeRequest, PAYLOAD_TYPE } from "./protocol/index.ts";
import type { WebSocketConstructor } from "./session/index.ts";
import { AgentPeer } from "./test-support/agent-peer.ts";
import { nonceOf } from "./test-support/canned-agent.ts";
import { ExecService } from "./test-support/exec-service.ts";
import { split, transcript } from "./test-support/frames.ts";

const KEY = Buffer.from(Array.from({ length: 64 }, (_, byte) => byte));
const CLUSTER = "arn:aws:ecs:eu-central-1:111122223333:cluster/dbward-test";
const TASK = "arn:aws:ecs:eu-central-1:111122223333:task/dbward-test/0123456789abcdef";

it("runs a command in a session that KMS encrypts", async () => {
  const asked: unknown[] = [];
  const kmsServer = await startHttpServer((request, response) => {
    asked.push(JSON.parse(request.text));
    const CiphertextBlob = Buffer.from("wrapped").toString("base64");
    response.end(JSON.stringify({ KeyId: "arn:key", Plaintext: KEY.toString("base64"), CiphertextBlob }));
  });
  const kms = new KMSClient({
    endpoint: kmsServer.url,
    region: "eu-central-1",
    credentials: { accessKeyId: "id", secretAccessKey: "key" },
  });
  const service = await ExecService.start({
    ecs: (operation) =>
      operation === "DescribeTasks"
        ? {
            body: {
              tasks: [
                {
                  taskArn: TASK,
                  clusterArn: CLUSTER,
                  containers: [{ name: "server", runtimeId: "runtime-1" }],
                },
              ],
            },
          }
        : undefined,
    session: serveEncrypted,
  });
  try {
    const exec = new EcsExec({
      ecs: service.ecs,
      kms: kmsDataKeys(kms),
      webSocket: WebSocket as unknown as WebSocketConstructor,
    });
    const { stdout } = await exec.execute({
      cluster: "dbward-test",
      task: TASK,
      container: "server",
      script: "x",
      deadline: Deadline.after(100_000),
    });
    expect(Buffer.from(stdout).toString()).toBe("under lock");
    expect(asked).toEqual([
      {
        KeyId: "arn:key",
        NumberOfBytes: 64,
        EncryptionContext: {
          "aws:ssm:SessionId": "session-1",
          "aws:ssm:TargetId": "ecs:dbward-test_0123456789abcdef_runtime-1",
          "aws:ssm:RandomChallenge": "Y2hhbGxlbmdl",
        },
      },
    ]);
  } finally {
    await service.close();
    kms.destroy();
    await kmsServer.close();
  }
});

/**
 * An agent that asks for encryption, checks that the client has the key, and then sends what a command wrote.
 */
function serveEncrypted(socket: WebSocket, commandLine: string): void {
  const cipher = new SessionCipher(Buffer.concat([KEY.subarray(32), KEY.subarray(0, 32)]));
  const challenge = Buffer.alloc(64, "c");
  const peer = new AgentPeer(() => performance.now(), {
    transmit: (frame) => socket.send(frame),
    input: ({ payloadType, payload }) => {
      if (payloadType === PAYLOAD_TYPE.handshakeResponse) {
        const encrypted = JSON.stringify({ Challenge: cipher.encrypt(challenge).toString("base64") });
        peer.send(Buffer.from(encrypted), PAYLOAD_TYPE.encryptionChallengeRequest);
      } else if (payloadType === PAYLOAD_TYPE.encryptionChallengeResponse) {
        const { Challenge } = JSON.parse(Buffer.from(payload).toString()) as { Challenge: string };
        if (!cipher.decrypt(Buffer.from(Challenge, "base64")).equals(challenge)) return;
        const complete = {
          HandshakeTimeToComplete: 1,
          CustomerMessage: "This session is encrypted using AWS KMS.",
        };
        peer.send(encodeHandshakeComplete(complete), PAYLOAD_TYPE.handshakeComplete);
        const shown = transcript(nonceOf(commandLine), Buffer.from("under lock"), 0);
        for (const piece of split(shown, [100])) peer.send(cipher.encrypt(piece));
      }
    },
  });
  socket.once("message", () => {
    socket.on("message", (data: Buffer) => peer.receive(data));
    const ActionParameters = { KMSKeyId: "arn:key", Challenge: "Y2hhbGxlbmdl" };
    const RequestedClientActions = [{ ActionType: "KMSEncryption", ActionParameters }];
    peer.send(
      encodeHandshakeRequest({ AgentVersion: "3.3.0.0", RequestedClientActions }),
      PAYLOAD_TYPE.handshakeRequest,
    );
  });
}
