import { DescribeAlarmHistoryCommand } from "@aws-sdk/client-cloudwatch";
import { isNotificationAlarm, isSignalAlarm } from "@dbward-aws/contract";
import type { Account } from "./account.ts";

/** What the alarms of a stage have done, by CloudWatch's history. */
export class AlarmRecord {
  readonly #account: Account;
  #read = 0;

  constructor(account: Account) {
    this.#account = account;
  }

  /**
   * The ids of the alarms that went into ALARM since the last call, sorted; without those that only send the
   * messages of others, and without those that only say what is going on.
   */
  async rang(): Promise<string[]> {
    const { names } = this.#account;
    const prefix = names.alarm("");
    const rang = (await this.#news())
      .filter(({ HistorySummary = "" }) => / to ALARM$/.test(HistorySummary))
      .map(({ AlarmName = "" }) => AlarmName)
      .filter((name) => name.startsWith(prefix))
      .filter((name) => !isSignalAlarm(names, name) && !isNotificationAlarm(names, name))
      .map((name) => name.slice(prefix.length));
    return [...new Set(rang)].sort();
  }

  /**
   * Whether the account was too slow for the poller since a time: without ECS's answer the poller doesn't
   * know of a deployment, and the alarms say more than they should.
   */
  async wasHindered(since: Date): Promise<boolean> {
    return (await this.#account.metricValues("PollerHindrances", since)).some((value) => value > 0);
  }

  async #news() {
    const items = [];
    let NextToken: string | undefined;
    do {
      const page = await this.#account.cloudWatch.send(
        new DescribeAlarmHistoryCommand({
          HistoryItemType: "StateUpdate",
          AlarmTypes: ["MetricAlarm", "CompositeAlarm"],
          ScanBy: "TimestampAscending",
          NextToken,
        }),
      );
      items.push(...(page.AlarmHistoryItems ?? []));
      NextToken = page.NextToken;
    } while (NextToken);
    const news = items.slice(this.#read);
    this.#read = items.length;
    return news;
  }
}
