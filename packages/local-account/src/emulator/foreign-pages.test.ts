import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateSecretCommand,
  ListSecretsCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newCredentials } from "../account/credentials.ts";
import { LOCAL_REGION } from "../account/environment.ts";
import { startTestEmulator, type TestEmulator } from "./test-support/start-test-emulator.ts";

const BROWSERS = [process.env.DBWARD_CHROMIUM ?? "", "/usr/bin/chromium", "/usr/bin/chromium-browser"];
const executablePath = BROWSERS.find((path) => path !== "" && existsSync(path));
const CANARY = "read-by-a-foreign-page";
const TARGET = "secretsmanager.CreateSecret";

if (process.env.CI && !executablePath) throw new Error("CI needs chromium: apt-get install chromium.");

describe("another user of the machine", { timeout: 60_000 }, () => {
  let directory: string;
  let emulator: TestEmulator;
  let secrets: SecretsManagerClient;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "foreign-"));
    emulator = await startTestEmulator(directory);
    secrets = client(emulator, emulator.credentials);
    await secrets.send(new CreateSecretCommand({ Name: "canary", SecretString: CANARY }));
  }, 120_000);
  afterAll(async () => {
    secrets?.destroy();
    await emulator?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const names = async () =>
    (await secrets.send(new ListSecretsCommand({}))).SecretList?.map(({ Name }) => Name);

  it.each([
    "/",
    "/_ministack/health",
    "/_ministack/reset",
    "/_localstack/health",
    "/2015-03-31/functions",
    "/bucket/key",
    "/_ministack/cfn-response/1",
    "/v2/credentials/",
  ])("gets nothing at %s without a signature, whatever the method", async (path) => {
    for (const method of ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"]) {
      const answer = await fetch(`${emulator.endpoint}${path}`, { method });
      expect(answer.status, method).toBe(403);
      expect(answer.headers.get("access-control-allow-origin")).toBeNull();
      expect(await answer.text()).not.toContain(CANARY);
    }
    expect(await names()).toEqual(["canary"]);
  });

  it("gets nothing with other keys, and an error of AWS", async () => {
    const others = client(emulator, newCredentials());
    await expect(others.send(new ListSecretsCommand({}))).rejects.toMatchObject({
      name: "UnrecognizedClientException",
      $metadata: { httpStatusCode: 403 },
    });
    const guessed = client(emulator, { ...emulator.credentials, secretAccessKey: "guessed" });
    await expect(guessed.send(new ListSecretsCommand({}))).rejects.toMatchObject({
      name: "InvalidSignatureException",
    });
  });

  describe.skipIf(!executablePath)("a page of another site, in a browser", () => {
    let site: Server;
    let browser: Browser;
    let page: Page;

    beforeAll(async () => {
      site = createServer((_request, response) => {
        response.writeHead(200, { "content-type": "text/html" }).end("<title>foreign</title>");
      });
      await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
      browser = await chromium.launch({
        executablePath: executablePath!,
        args: [
          "--no-sandbox",
          "--host-resolver-rules=MAP *.example 127.0.0.1",
          // Browsers begin to ask before a page reaches this machine: here nothing must depend on it.
          "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
        ],
      });
    }, 60_000);
    afterAll(async () => {
      await browser?.close();
      site?.close();
    });

    async function open(): Promise<Page> {
      page = await browser.newPage();
      await page.goto(`http://evil.example:${(site.address() as AddressInfo).port}/`);
      return page;
    }

    it.each(["cors", "no-cors"] as const)("reads and does nothing by fetch in mode %s", async (mode) => {
      const opened = await open();
      const read = await opened.evaluate(
        async ([url, mode, target]) => {
          const calls: RequestInit[] = [
            {},
            { method: "POST", body: "Action=ListUsers&Version=2010-05-08" },
            { method: "POST", headers: { "content-type": "text/plain" }, body: '{"Name":"simple"}' },
            { method: "POST", headers: { "x-amz-target": target! }, body: '{"Name":"preflight"}' },
            { credentials: "include" },
          ];
          const texts: string[] = [];
          for (const call of calls) {
            try {
              texts.push(await (await fetch(url!, { ...call, mode: mode as "cors" })).text());
            } catch {
              texts.push("");
            }
          }
          return texts.join("");
        },
        [`${emulator.endpoint}/`, mode, TARGET],
      );
      expect(read).toBe("");
      expect(await names()).toEqual(["canary"]);
    });

    it("does nothing by a form that is sent as plain text", async () => {
      const opened = await open();
      const answered = opened.waitForResponse((response) => response.url().startsWith(emulator.endpoint));
      await opened.evaluate(`
        const form = document.createElement("form");
        form.method = "post";
        form.enctype = "text/plain";
        form.action = "${emulator.endpoint}/2015-03-31/functions";
        const field = document.createElement("input");
        field.name = '{"FunctionName":"attack","a":"';
        field.value = '"}';
        form.append(field);
        document.body.append(form);
        form.submit();`);
      expect((await answered).status()).toBe(403);
    });

    it("shows nothing of the account by a navigation or in a frame", async () => {
      const opened = await open();
      const answer = await opened.goto(`${emulator.endpoint}/_ministack/health`);
      expect([answer?.status(), await opened.content()]).toEqual([403, expect.stringContaining("browser")]);
      const outer = await open();
      const framed = outer.waitForResponse((response) => response.url().startsWith(emulator.endpoint));
      await outer.evaluate(`
        const frame = document.createElement("iframe");
        frame.src = "${emulator.endpoint}";
        document.body.append(frame);`);
      expect((await framed).status()).toBe(403);
    });

    it("reads nothing under a name that was rebound to this machine", async () => {
      const rebound = await browser.newPage();
      const port = new URL(emulator.endpoint).port;
      const answer = await rebound.goto(`http://evil.example:${port}/`);
      expect(answer?.status()).toBe(403);
      // Of one origin now: the page of the refusal may read what comes back.
      const read = await rebound.evaluate(async (target) => {
        const headers = { "x-amz-target": target };
        const back = await fetch("/", { method: "POST", headers, body: '{"Name":"rebound"}' });
        return [back.status, await back.text()];
      }, TARGET);
      expect(read).toEqual([403, expect.stringContaining("Host")]);
      expect(await names()).toEqual(["canary"]);
    });

    it("opens no WebSocket", async () => {
      const opened = await open();
      const events = await opened.evaluate(
        (url) =>
          new Promise<string>((resolve) => {
            const socket = new WebSocket(url);
            socket.onopen = () => resolve("open");
            socket.onerror = () => resolve("refused");
          }),
        `${emulator.endpoint.replace("http", "ws")}/v1/data-channel/ecs-execute-command-1`,
      );
      expect(events).toBe("refused");
    });
  });
});

function client({ endpoint }: TestEmulator, credentials: TestEmulator["credentials"]): SecretsManagerClient {
  return new SecretsManagerClient({ endpoint, region: LOCAL_REGION, credentials, maxAttempts: 1 });
}
