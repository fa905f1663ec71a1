import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import {
  ConfirmSubscriptionCommand,
  CreateTopicCommand,
  GetTopicAttributesCommand,
  ListTopicsCommand,
  SetTopicAttributesCommand,
  SNSClient,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import { GetParameterCommand, PutParameterCommand } from "@aws-sdk/client-ssm";
import { STACK_OUTPUTS, stageNames } from "@dbward-aws/contract";
import type { LocalStage } from "@dbward-aws/local-cloud";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startHttpServer, type TestServer } from "../packages/core/src/test-support/http-server.ts";
import { Account, eventually } from "./support/account.ts";
import { documented } from "./support/documented.ts";
import { APPLY_TITLE, keptUnused, RoleRights } from "./support/role-rights.ts";
import { ops } from "./support/run-command.ts";
import { startStory } from "./support/start-story.ts";

const DIRECTORY = join(import.meta.dirname, "..", ".local", "e2e-apply");
const NAMES = stageNames("local");
const PARAMETER = "/dbward/local/server";
const APP = NAMES.agentService("app");
const REPORTS = NAMES.agentService("reports");
const SERVICES = [NAMES.serverService, APP, REPORTS];
const MINUTE = 60_000;
/** Schedules pass so much faster than on AWS: five minutes are six seconds. */
const SPEED = 50;

/** One story: each test builds on the ones before it. Nobody restarts anything by hand. */
describe.sequential("changed values", { timeout: 6 * MINUTE }, () => {
  let stage: LocalStage;
  let account: Account;
  let sns: SNSClient;
  let receiver: TestServer;
  let serverToml: string;
  let rights: RoleRights;

  beforeAll(async () => {
    stage = await startStory(DIRECTORY, "apply.config.ts", { speed: SPEED });
    account = new Account(stage);
    sns = new SNSClient(stage.clientConfig());
    receiver = await startHttpServer(async ({ text }, response) => {
      response.end();
      const { Type, TopicArn, Token } = JSON.parse(text) as Record<string, string>;
      if (Type === "SubscriptionConfirmation")
        await sns.send(new ConfirmSubscriptionCommand({ TopicArn, Token }));
    });
    serverToml = await readFile(join(DIRECTORY, "project", "config", "server.toml"), "utf8");
    await put(serverToml);
    await stage.deploy();
    expect(await stage.steady()).toEqual([]);
    const { AlarmTopicArn } = await account.outputs(NAMES.stack("Monitoring"));
    await subscribe(AlarmTopicArn!);
    rights = new RoleRights(stage, account);
    await rights.note();
  }, 10 * MINUTE);
  afterAll(async () => {
    account?.close();
    sns?.destroy();
    await receiver?.close();
    await stage?.close();
  }, MINUTE);

  const subscribe = async (TopicArn: string) => {
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint: receiver.url }));
    await eventually(async () => {
      const command = new GetTopicAttributesCommand({ TopicArn });
      return (await sns.send(command)).Attributes?.SubscriptionsConfirmed === "1" || undefined;
    }, MINUTE);
  };
  const put = (Value: string) =>
    account.ssm.send(
      new PutParameterCommand({ Name: PARAMETER, Type: "SecureString", Value, Overwrite: true }),
    );
  interface Told {
    readonly TopicArn: string;
    readonly Subject?: string;
    readonly Message: string;
  }
  /** What people were told. @param topic the topic, if not any */
  const told = (topic?: string) =>
    receiver.requests.flatMap(({ text }) => {
      const { TopicArn, Subject, Message } = JSON.parse(text) as Told;
      return Subject?.startsWith("dbward local: ") && (topic ?? TopicArn) === TopicArn
        ? [`${Subject}\n${Message}`]
        : [];
    });
  /** Ids of the newest deployments, by service. */
  const deployments = async () =>
    Object.fromEntries(
      await Promise.all(
        SERVICES.map(async (name) => {
          const { deployments: all = [] } = await account.service(name);
          return [name, all.find(({ status }) => status === "PRIMARY")?.id] as const;
        }),
      ),
    );
  const state = async () => {
    const { Parameter } = await account.ssm.send(
      new GetParameterCommand({ Name: NAMES.applyStateParameter }),
    );
    return JSON.parse(Parameter!.Value!) as Record<string, unknown>;
  };
  /** Waits until a service has another deployment than before, which is done. */
  const replaced = (name: string, before: Record<string, string | undefined>) =>
    eventually(async () => {
      const { deployments: all = [] } = await account.service(name);
      const [only, ...others] = all;
      return (
        (only?.id !== before[name] && only?.rolloutState === "COMPLETED" && others.length === 0) || undefined
      );
    }, 3 * MINUTE);
  /** Waits until the function has run again and found nothing to do. */
  const settled = async () => {
    const before = (await runs()).length;
    await eventually(async () => (await runs()).length > before + 1 || undefined, 2 * MINUTE);
  };
  /** Lines about runs that have ended. */
  const runs = async () => {
    const outputs = await account.outputs(NAMES.stack("Monitoring"));
    const { events = [] } = await account.logs.send(
      new FilterLogEventsCommand({
        logGroupName: outputs[STACK_OUTPUTS.applyLogGroup]!,
        filterPattern: '"apply.done"',
        limit: 10_000,
      }),
    );
    return events;
  };

  it("lets a stage alone that has just been deployed", async () => {
    const before = await deployments();
    await settled();
    expect([await deployments(), await state(), told()]).toEqual([before, {}, []]);
    const { stdout } = await ops(stage, stage.view, ...documented("pnpm ops logs apply --stage prod"));
    expect(stdout).toContain('"event":"apply.done"');
  });

  it("restarts the server with a good configuration, and nothing else", async () => {
    const before = await deployments();
    await put(`${serverToml}\n[logging]\nlevel = "debug"\n`);
    await replaced(NAMES.serverService, before);
    await settled();
    expect(await deployments()).toEqual({
      ...before,
      [NAMES.serverService]: expect.not.stringMatching(before.server!),
    });
    expect([await state(), told()]).toEqual([{}, []]);
  });

  it("leaves the server alone with a bad one, and tells its line and the rule once", async () => {
    const before = await deployments();
    await put(`${serverToml}\n[[webhooks]]\nid = "chat"\nurl = "ftp://chat.example.com/x"\n`);
    const [message] = await eventually(async () => (told().length > 0 ? told() : undefined), 2 * MINUTE);
    const line = `${serverToml}\n[[webhooks]]\nid = "chat"\nurl`.split("\n").length;
    expect(message).toContain(`Version 3 of SSM parameter ${PARAMETER} was refused. Nothing was restarted`);
    expect(message).toMatch(new RegExp(`^${PARAMETER}:${line}: .* \\[webhook-url\\]$`, "m"));
    await settled();
    expect([await deployments(), told().length]).toEqual([before, 1]);
    const doctor = await ops(stage, stage.view, "doctor");
    expect(doctor).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining(`Version 3 of SSM parameter ${PARAMETER} was refused`),
    });
    expect(doctor.stdout).toContain(`${PARAMETER}:${line}`);
  });

  it("takes up the corrected one", async () => {
    const before = await deployments();
    await put(serverToml);
    await replaced(NAMES.serverService, before);
    await eventually(async () => Object.keys(await state()).length === 0 || undefined, 2 * MINUTE);
    expect(told()).toHaveLength(1);
  });

  it("replaces only the agent whose database has a new URL", async () => {
    const before = await deployments();
    const url = await account.secret("dbward/local/reports-url");
    await account.secretsManager.send(
      new PutSecretValueCommand({
        SecretId: "dbward/local/reports-url",
        SecretString: `${url}${url.includes("?") ? "&" : "?"}application_name=rotated`,
      }),
    );
    await replaced(REPORTS, before);
    await settled();
    expect(await deployments()).toEqual({
      ...before,
      [REPORTS]: expect.not.stringMatching(before[REPORTS]!),
    });
    expect([await state(), told().length]).toEqual([{}, 1]);
  });

  it("has nothing to do after the rotation of an agent's token", async () => {
    const before = await deployments();
    const end = await ops(stage, stage.view, "tokens", "rotate", "app", "--yes");
    expect(end).toMatchObject({ exitCode: 0 });
    const after = await deployments();
    expect(after[APP]).not.toBe(before[APP]);
    await settled();
    expect(await deployments()).toEqual(after);
  });

  it("needs every right that the function's role has", () => {
    const ofApply = (all: readonly string[]) => all.filter((right) => right.startsWith(`${APPLY_TITLE} `));
    expect(ofApply(rights.unused())).toEqual(ofApply(keptUnused()));
  });

  it("tells an existing topic in place of its own, once the topic admits what preflight asks for", async () => {
    const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "platform-alarms" }));
    const env = { E2E_TOPIC: TopicArn };
    const refused: unknown = await stage.deploy({ env }).then(
      () => undefined,
      (error: unknown) => error,
    );
    const [, statements] = /remove those that deny it: (\[.*\])$/m.exec(String(refused)) ?? [];
    expect(String(refused)).toMatch(
      /The policy of topic .*platform-alarms \(monitoring\.topicArn\) does not let/,
    );
    const { Attributes } = await sns.send(new GetTopicAttributesCommand({ TopicArn }));
    const { Statement, ...policy } = JSON.parse(Attributes!.Policy!) as { Statement: object[] };
    const added = { ...policy, Statement: [...Statement, ...(JSON.parse(statements!) as object[])] };
    await sns.send(
      new SetTopicAttributesCommand({
        TopicArn,
        AttributeName: "Policy",
        AttributeValue: JSON.stringify(added),
      }),
    );
    await subscribe(TopicArn);
    await stage.deploy({ env });
    expect((await account.outputs(NAMES.stack("Monitoring"))).AlarmTopicArn).toBe(TopicArn);
    const { Topics = [] } = await sns.send(new ListTopicsCommand());
    expect(Topics).toEqual([{ TopicArn }]);

    await put(`${serverToml}\n[[webhooks]]\nid = "chat"\nurl = "ftp://chat.example.com/x"\n`);
    const [message] = await eventually(
      async () => (told(TopicArn).length > 0 ? told(TopicArn) : undefined),
      2 * MINUTE,
    );
    expect(message).toContain(`of SSM parameter ${PARAMETER} was refused. Nothing was restarted`);
  });
});
