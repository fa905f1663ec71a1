import { ECSClient } from "@aws-sdk/client-ecs";
import { afterEach, expect, it, vi } from "vitest";
import { signUpgrade } from "./sign-upgrade.ts";

afterEach(() => vi.useRealTimers());

it("signs the request as aws-sdk-go does", async () => {
  vi.useFakeTimers({ now: 1_700_000_000_000, toFake: ["Date"] });
  const ecs = new ECSClient({
    region: "eu-central-1",
    credentials: {
      accessKeyId: "AKIDEXAMPLE",
      secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
      sessionToken: "session/token==",
    },
  });
  const headers = await signUpgrade(
    ecs,
    "wss://ssmmessages.eu-central-1.amazonaws.com/v1/data-channel/ecs-execute-command-0b1c2d3e4f5a6b7c8" +
      "?role=publish_subscribe&cell-number=AAEAAe%2Bx%2F8%3D",
  );
  expect(headers).toEqual({
    "x-amz-date": "20231114T221320Z",
    "x-amz-security-token": "session/token==",
    "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    // Made by aws-sdk-go 1 (aws/signer/v4) of the same request at the same second.
    authorization:
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20231114/eu-central-1/ssmmessages/aws4_request, " +
      "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, " +
      "Signature=afa392c87c46064dd618b6d848dfb6a57a1e442dea58bb3ace07c001dc8afbe8",
  });
});
