import type { StageInput } from "@dbward-aws/settings";
import { describe, expect, it, onTestFinished } from "vitest";
import { startHttpServer } from "../../../core/src/test-support/http-server.ts";
import { digestOf } from "../images/manifest.ts";
import { type Answers, AwsFault } from "../test-support/aws-peer.ts";
import { stageInput, stageSettings } from "../test-support/ops-run.ts";
import { check, mistakes } from "../test-support/preflight-run.ts";

const MANIFEST = JSON.stringify({ manifests: [{ platform: { os: "linux", architecture: "amd64" } }] });
const denied = () => {
  throw new AwsFault("AccessDeniedException", "not authorized");
};
const text = () => {
  const { config } = stageSettings().server;
  return config.source === "rendered" ? config.toml : "";
};

describe("the certificate of the load balancer", () => {
  const changes: Partial<StageInput> = {
    server: {
      image: { tag: "0.2.0" },
      configToml: text(),
      loadBalancer: { certificateArn: "arn:aws:acm:eu-central-1:123456789012:certificate/x" },
    },
  };
  const certificate = (fields: object) => ({ DescribeCertificate: () => ({ Certificate: fields }) });

  it("is accepted when it is issued", async () => {
    expect((await check(changes, certificate({ Status: "ISSUED", NotAfter: 4e9 }))).warnings).toEqual([]);
  });

  it.each<[string, Answers, RegExp]>([
    [
      "is not validated",
      certificate({ Status: "PENDING_VALIDATION" }),
      /is not issued yet\. Add the DNS record/,
    ],
    ["has expired", certificate({ Status: "EXPIRED" }), /is EXPIRED: request or import another one/],
    [
      "doesn't exist",
      {
        DescribeCertificate: () => {
          throw new AwsFault("ResourceNotFoundException");
        },
      },
      /doesn't exist in this account and region/,
    ],
  ])("is refused when it %s", async (_title, answers, expected) => {
    expect(await mistakes(changes, answers)).toEqual([expect.stringMatching(expected)]);
  });

  it("is a warning when it ends soon, or may not be looked at", async () => {
    expect((await check(changes, certificate({ Status: "ISSUED", NotAfter: 1e9 }))).warnings).toEqual([
      expect.stringMatching(/is valid only until 2001-09-09/),
    ]);
    expect((await check(changes, { DescribeCertificate: denied })).warnings).toEqual([
      expect.stringMatching(/was not checked: your identity is not allowed acm:DescribeCertificate/),
    ]);
  });
});

/** Of `MANIFEST`. */
const DIGEST = digestOf(MANIFEST);

describe("images in ECR", () => {
  const repository = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/dbward/server";
  const changes: Partial<StageInput> = {
    server: { image: { tag: "0.2.0", repository, ecrRepositoryName: "dbward/server" }, configToml: text() },
  };
  const named = (imageManifest: string) => ({
    imageId: { imageDigest: digestOf(imageManifest) },
    imageManifest,
  });
  const image = (manifest?: object): Answers => ({
    BatchGetImage: () => ({
      images: manifest ? [named(JSON.stringify(manifest))] : [],
    }),
    DescribePullThroughCacheRules: () => ({ pullThroughCacheRules: [] }),
  });
  const platforms = (...architectures: string[]) =>
    image({ manifests: architectures.map((architecture) => ({ platform: { os: "linux", architecture } })) });
  const noRepository: Answers = {
    ...image(),
    BatchGetImage: () => {
      throw new AwsFault("RepositoryNotFoundException");
    },
  };

  it("are accepted with the platform of the tasks, alone or among others", async () => {
    expect(await mistakes(changes, image({ layers: [] }))).toEqual([]);
    expect(await mistakes(changes, platforms("arm64", "amd64", "unknown"))).toEqual([]);
  });

  it("are looked up by the name of their repository in the stage's own registry", async () => {
    const image = { tag: "0.2.0", ecrRepositoryName: "dbward/server" };
    const named = { server: { image, configToml: text() } };
    expect(await mistakes(named, platforms("arm64", "amd64"))).toEqual([]);
    expect(await mistakes(named, noRepository)).toEqual([
      expect.stringMatching(
        /^Image dbward\/server:0\.2\.0 \(server\.image\) is in a repository that doesn't exist in account 123456789012/,
      ),
    ]);
  });

  it("are refused for another platform alone", async () => {
    expect(await mistakes(changes, platforms("amd64"))).toEqual([
      expect.stringMatching(
        /^Image \S+:0\.2\.0 \(server\.image\) is for linux\/amd64, and tasks run on linux\/arm64\. .*--platform linux\/arm64/,
      ),
    ]);
    const x86: Partial<StageInput> = { ...changes, architecture: "x86_64" };
    expect(await mistakes(x86, platforms("amd64"))).toEqual([]);
    expect(await mistakes(x86, platforms("arm64"))).toEqual([
      expect.stringMatching(/is for linux\/arm64, and tasks run on linux\/amd64/),
    ]);
  });

  it("are refused when tag or repository don't exist, unless a pull-through cache makes them", async () => {
    expect(await mistakes(changes, image())).toEqual([
      expect.stringMatching(/isn't in its repository\. Push it/),
    ]);
    expect(await mistakes(changes, noRepository)).toEqual([
      expect.stringMatching(/a repository that doesn't exist in account 123456789012/),
    ]);
    const cached = {
      ...noRepository,
      DescribePullThroughCacheRules: () => ({ pullThroughCacheRules: [{ ecrRepositoryPrefix: "dbward" }] }),
    };
    expect(await mistakes(changes, cached)).toEqual([
      expect.stringMatching(/comes from a pull-through cache: set pullThroughCache: true/),
    ]);
    const fromCache = { tag: "0.2.0", repository, pullThroughCache: true };
    expect(await mistakes({ server: { image: fromCache, configToml: text() } }, cached)).toEqual([]);
  });

  it("are asked for by their digest, if they have one", async () => {
    const asked: unknown[] = [];
    const BatchGetImage = ({ imageIds }: Record<string, unknown>) => {
      asked.push(imageIds);
      return { images: [named(MANIFEST)] };
    };
    for (const tag of ["0.2.0", DIGEST, `0.2.0@${DIGEST}`])
      expect(
        await mistakes(
          { architecture: "x86_64", server: { image: { tag, repository }, configToml: text() } },
          { BatchGetImage },
        ),
      ).toEqual([]);
    expect(asked).toEqual([[{ imageTag: "0.2.0" }], [{ imageDigest: DIGEST }], [{ imageDigest: DIGEST }]]);
  });

  it("are refused with a manifest that doesn't have their digest", async () => {
    const pinned = { server: { image: { tag: `0.2.0@${DIGEST}`, repository }, configToml: text() } };
    const BatchGetImage = () => ({ images: [{ imageId: { imageDigest: DIGEST }, imageManifest: "{}" }] });
    expect(await mistakes(pinned, { BatchGetImage })).toEqual([
      expect.stringMatching(
        /^Image \S+@sha256:\S+ \(server\.image\) has a manifest in ECR that doesn't have/,
      ),
    ]);
  });

  it("that are single have the platform of their configuration, if it may be read", async () => {
    const config = JSON.stringify({ os: "linux", architecture: "amd64" });
    const single = image({ config: { digest: digestOf(config) } });
    const server = await startHttpServer((_request, response) => response.end(config));
    onTestFinished(server.close);
    const GetDownloadUrlForLayer = () => ({ downloadUrl: server.url });
    const found = (architecture: "arm64" | "x86_64", answers: Answers) =>
      mistakes({ ...changes, architecture }, { ...single, ...answers });
    expect(await found("x86_64", { GetDownloadUrlForLayer })).toEqual([]);
    expect(await found("arm64", { GetDownloadUrlForLayer })).toEqual([
      expect.stringMatching(/is for linux\/amd64, and tasks run on linux\/arm64/),
    ]);
    expect(await found("arm64", { GetDownloadUrlForLayer: denied })).toEqual([]);
  });

  it("are a warning when they may not be looked at", async () => {
    expect((await check(changes, { BatchGetImage: denied })).warnings).toEqual([
      expect.stringMatching(/^Image .* was not checked: your identity is not allowed ecr:BatchGetImage/),
    ]);
  });
});

describe("quotas", () => {
  const quota = (code: string, Value: number): Answers => ({
    GetServiceQuota: ({ QuotaCode }) => ({ Quota: { Value: QuotaCode === code ? Value : 100 } }),
  });

  it("of Fargate's vCPUs hold all tasks", async () => {
    // Half a vCPU for the server, a quarter for each of two agents.
    expect(await mistakes({}, quota("L-3032A538", 1))).toEqual([]);
    expect(await mistakes({}, quota("L-3032A538", 0.9))).toEqual([
      expect.stringMatching(/^The stage needs 1 vCPUs .*leaves 0\.9 of 0\.9.*request-service-quota-increase/),
    ]);
  });

  it("of Spot's vCPUs hold the agents on Spot, which take none of the others", async () => {
    const agents = stageInput().agents.map((each) => ({
      ...each,
      capacityProvider: "FARGATE_SPOT" as const,
    }));
    expect(await mistakes({ agents }, quota("L-3032A538", 0.5))).toEqual([]);
    expect(await mistakes({ agents }, quota("L-36FBB829", 0.4))).toEqual([
      expect.stringMatching(/^The stage needs 0\.5 vCPUs of Spot for agents, .*leaves 0\.4 of 0\.4/),
    ]);
  });

  it("of VPCs and addresses hold a new network, and are not asked for one that is there", async () => {
    const DescribeVpcs = () => ({ vpcSet: Array.from({ length: 5 }, (_, n) => ({ vpcId: `vpc-${n}` })) });
    const full = { ...quota("L-F678F1CE", 5), DescribeVpcs };
    expect(await mistakes({}, full)).toEqual([expect.stringMatching(/needs 1 VPC, .*leaves 0 of 5/)]);
    const addresses = {
      ...quota("L-0263D0A3", 5),
      DescribeAddresses: () => ({
        addressesSet: Array.from({ length: 4 }, (_, n) => ({ publicIp: `192.0.2.${n}` })),
      }),
    };
    expect(await mistakes({}, addresses)).toEqual([
      expect.stringMatching(/needs 2 addresses for NAT gateways, .*leaves 1 of 5/),
    ]);
    expect(await mistakes({ network: { egress: "public" } }, addresses)).toEqual([]);
  });

  it("are a warning when they may not be read", async () => {
    expect((await check({}, { GetServiceQuota: denied })).warnings).toEqual([
      expect.stringMatching(/^Quota "EC2-VPC Elastic IPs" was not checked: .* servicequotas:GetServiceQuota/),
      expect.stringMatching(/^Quota "Fargate/),
      expect.stringMatching(/^Quota "VPCs per Region"/),
    ]);
  });
});

describe("an image of another registry that has a digest", () => {
  const pinned = (repository: string, architecture: "arm64" | "x86_64"): Partial<StageInput> => ({
    architecture,
    server: { image: { tag: `0.2.0@${DIGEST}`, repository }, configToml: text() },
  });
  const registry = async (status: number) => {
    const server = await startHttpServer((_request, response) => response.writeHead(status).end(MANIFEST));
    onTestFinished(server.close);
    return `${new URL(server.url).host}/dbward/server`;
  };

  it("is accepted with the platform of the tasks, and refused with another one", async () => {
    const repository = await registry(200);
    expect(await mistakes(pinned(repository, "x86_64"), {})).toEqual([]);
    expect(await mistakes(pinned(repository, "arm64"), {})).toEqual([
      expect.stringMatching(
        /^Image \S+@sha256:\S+ \(server\.image\) is for linux\/amd64, and tasks run on linux\/arm64/,
      ),
    ]);
  });

  it("is refused when the registry doesn't have it, and a warning when it doesn't say", async () => {
    expect(await mistakes(pinned(await registry(404), "x86_64"), {})).toEqual([
      expect.stringMatching(/isn't in its registry\. Copy the digest/),
    ]);
    expect((await check(pinned(await registry(403), "x86_64"), {})).warnings).toEqual([
      expect.stringMatching(/was not checked: its registry did not answer/),
    ]);
  });
});
