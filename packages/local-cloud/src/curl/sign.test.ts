import { expect, it } from "vitest";
import { sign } from "./sign.ts";

it("signs as AWS's own test suite has it (get-vanilla)", () => {
  const request = {
    method: "GET",
    url: new URL("https://example.amazonaws.com/"),
    headers: new Headers(),
    body: "",
  };
  const user = "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
  sign(request, user, "aws:amz:us-east-1:service", new Date("2015-08-30T12:36:00Z"));
  expect(Object.fromEntries(request.headers)).toEqual({
    "x-amz-date": "20150830T123600Z",
    authorization:
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, " +
      "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
  });
});
