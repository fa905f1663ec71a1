import { HttpRequest } from "@smithy/core/protocols";
import { Hash } from "@smithy/core/serde";
import { SignatureV4 } from "@smithy/signature-v4";

/** A call of an AWS API by a plain HTTP client. */
export interface SignedCall {
  /** Such as `http://127.0.0.1:4566`. */
  readonly endpoint: string;
  /** Name of the service in the signature. */
  readonly service: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  /** @default POST */
  readonly method?: string;
  readonly path: string;
  /** Form-encoded, unless there are other headers. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Signs a call as the AWS SDK does (Signature Version 4), and sends it. */
export async function signedFetch(call: SignedCall): Promise<Response> {
  const { endpoint, service, credentials, method = "POST", path, body = "" } = call;
  const { headers = { "content-type": "application/x-www-form-urlencoded" } } = call;
  const url = new URL(path, endpoint);
  const signer = new SignatureV4({
    credentials,
    region: "us-east-1",
    service,
    sha256: Hash.bind(null, "sha256"),
    uriEscapePath: service !== "s3",
  });
  const signed = await signer.sign(
    new HttpRequest({
      method,
      hostname: url.hostname,
      port: Number(url.port),
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: { host: url.host, ...headers },
      body,
    }),
  );
  return fetch(url, { method, headers: signed.headers, ...(body === "" ? {} : { body }) });
}
