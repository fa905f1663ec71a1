import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Answers, AwsFault } from "../test-support/aws-peer.ts";
import { EMPTY_ACCOUNT } from "../test-support/empty-account.ts";
import { CANARY, directory, ops, withAws } from "../test-support/ops-run.ts";

const PARAMETER = "/dbward/server";
const CHANGES = { server: { image: { tag: "0.2.0" }, configParameter: PARAMETER } };
const STORED = '[[workflows]]\n[workflows.auto_approve]\nmode = "always"\n';
const NEXT = `${STORED}# changed\n`;
const FILE = join(directory, "config/prod.server.toml");
const STORE = join(directory, "next.toml");

afterEach(() => {
  for (const path of [join(directory, "config"), STORE]) rmSync(path, { recursive: true, force: true });
});

/** SSM and the server's service, with what became of them. */
class Account {
  text: string | undefined = STORED;
  changedAt = 1_000;
  startedAt = 2_000;
  readonly puts: object[] = [];
  restarts = 0;
  fails: "store" | "restart" | undefined;

  answers(): Answers {
    const service = () => ({
      serviceName: "server",
      status: "ACTIVE",
      desiredCount: 1,
      runningCount: 1,
      deployments: [{ id: `d${this.restarts}`, status: "PRIMARY", rolloutState: "COMPLETED" }],
    });
    return {
      ...EMPTY_ACCOUNT,
      GetParameter: ({ Name }) => {
        if (this.text === undefined) throw new AwsFault("ParameterNotFound");
        return { Parameter: { Name, Type: "SecureString", Value: this.text } };
      },
      DescribeParameters: () => ({
        Parameters:
          this.text === undefined
            ? []
            : [
                {
                  Name: PARAMETER,
                  Type: "SecureString",
                  KeyId: "alias/mine",
                  Tier: "Standard",
                  Version: 4,
                  LastModifiedDate: this.changedAt,
                },
              ],
      }),
      PutParameter: (input) => {
        if (this.fails === "store") throw new AwsFault("AccessDeniedException", "cut off");
        this.puts.push(input);
        this.text = String(input.Value);
        this.changedAt = 3_000;
        return { Version: 5 };
      },
      UpdateService: () => {
        if (this.fails === "restart") throw new AwsFault("AccessDeniedException", "cut off");
        this.restarts++;
        this.startedAt = 4_000;
        return { service: service() };
      },
      DescribeServices: () => ({ services: [service()] }),
      ListTasks: () => ({ taskArns: ["task/1"] }),
      DescribeTasks: () => ({
        tasks: [
          {
            lastStatus: "RUNNING",
            healthStatus: "HEALTHY",
            startedBy: `d${this.restarts}`,
            startedAt: this.startedAt,
          },
        ],
      }),
    };
  }
}

describe("ops config pull", () => {
  it("writes the stored text to a file, and has nothing to do the second time", async () => {
    await withAws(new Account().answers());
    expect(await ops("config pull server --yes", CHANGES)).toMatchObject({ code: 0, err: "" });
    expect(readFileSync(FILE, "utf8")).toBe(STORED);
    const again = await ops("config pull server", CHANGES);
    expect([again.code, again.out]).toEqual([0, expect.stringContaining("nothing to do")]);
  });

  it("replaces no other text unasked", async () => {
    await withAws(new Account().answers());
    await ops("config pull server --yes", CHANGES);
    writeFileSync(FILE, "mine");
    expect(await ops("config pull server", CHANGES)).toMatchObject({ code: 2 });
    expect(readFileSync(FILE, "utf8")).toBe("mine");
  });

  it("says how to store a text where there is none, and where the text is when it isn't in SSM", async () => {
    const account = new Account();
    account.text = undefined;
    await withAws(account.answers());
    expect((await ops("config pull server", CHANGES)).err).toMatch(
      /\/dbward\/server doesn't exist\. Store a file with: pnpm ops config push server/,
    );
    const { code, err } = await ops("config pull agent app");
    expect([code, err]).toEqual([2, expect.stringMatching(/configuration of app is not in SSM/)]);
    expect(existsSync(FILE)).toBe(false);
  });
});

describe("ops config diff", () => {
  it("shows the difference without secrets, and its exit code is 1", async () => {
    await withAws(new Account().answers());
    writeFileSync(STORE, `${NEXT}# ${CANARY}\n`);
    const { code, out } = await ops("config diff server --file next.toml", CHANGES);
    expect(code).toBe(1);
    expect(out).toContain('mode = "always"\n+# changed\n+# dbw_[redacted]');
    writeFileSync(STORE, STORED);
    expect(await ops("config diff server --file next.toml", CHANGES)).toMatchObject({ code: 0 });
  });

  it("names a file that isn't there", async () => {
    await withAws(new Account().answers());
    const { code, err } = await ops("config diff server", CHANGES);
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/prod\.server\.toml failed: ENOENT\. Write the file with/),
    ]);
  });
});

describe("ops config push", () => {
  it("stores the file under the parameter's own key, and restarts the server", async () => {
    const account = new Account();
    await withAws(account.answers());
    writeFileSync(STORE, NEXT);
    const { code, out } = await ops("config push server --file next.toml --yes", CHANGES);
    expect(account.puts).toEqual([
      {
        Name: PARAMETER,
        Value: NEXT,
        Type: "SecureString",
        KeyId: "alias/mine",
        Tier: "Standard",
        Overwrite: true,
      },
    ]);
    expect(out).toContain("+# changed");
    expect([code, account.restarts]).toEqual([0, 1]);
  });

  it("stores nothing that dbward refuses", async () => {
    const account = new Account();
    await withAws(account.answers());
    writeFileSync(STORE, "[[workflows]]\n");
    const { code, err } = await ops("config push server --file next.toml --yes", CHANGES);
    expect([code, err]).toEqual([1, expect.stringMatching(/would not start with it:\n.*workflows\[0\]/)]);
    expect([account.puts, account.restarts]).toEqual([[], 0]);
  });

  it.each([
    ["store", 1],
    ["restart", 1],
  ] as const)("can be run again after it was cut off at the %s", async (step, restarts) => {
    const account = new Account();
    account.fails = step;
    await withAws(account.answers());
    writeFileSync(STORE, NEXT);
    const line = "config push server --file next.toml --yes";
    expect(await ops(line, CHANGES)).toMatchObject({ code: 1 });
    account.fails = undefined;
    expect(await ops(line, CHANGES)).toMatchObject({ code: 0, err: "" });
    expect([account.text, account.puts.length, account.restarts]).toEqual([NEXT, 1, restarts]);
    expect(await ops(line, CHANGES)).toMatchObject({
      code: 0,
      out: expect.stringContaining("nothing to do"),
    });
    expect(account.restarts).toBe(restarts);
  });
});
