/**
 * List prices of AWS in USD, for estimates: on demand, without free tiers, discounts and taxes. Source: the
 * price pages of the services. Change the date with the prices.
 */
export const PRICES = {
  date: "2026-11-26",
  region: "us-east-1",
  currency: "USD",
  hoursPerMonth: 730,
  fargate: {
    x86VcpuHour: 0.04048,
    x86GibHour: 0.004445,
    armVcpuHour: 0.03238,
    armGibHour: 0.00356,
    /** What Spot costs of the price on demand, at best: it changes with supply, by region and time. */
    spotShare: 0.3,
  },
  vpc: {
    natGatewayHour: 0.045,
    interfaceEndpointHour: 0.01,
    publicIpv4Hour: 0.005,
  },
  loadBalancerHour: 0.0225,
  storageGibMonth: {
    efs: 0.3,
    s3: 0.023,
    backup: 0.05,
    logs: 0.03,
  },
  secretMonth: 0.4,
  secretsManagerCall: 5e-6,
  kmsKeyMonth: 1,
  hostedZoneMonth: 0.5,
  alarmMetricMonth: 0.1,
  compositeAlarmMonth: 0.5,
  dashboardMonth: 3,
  customMetricMonth: 0.3,
  putMetricDataCall: 1e-5,
  logIngestedGb: 0.5,
  lambda: {
    x86GibSecond: 1.66667e-5,
    armGibSecond: 1.33334e-5,
    call: 2e-7,
  },
} as const;

/** What the checks of the tokens use: one a day, and with a rotation one an hour. */
export const TOKEN_CHECKS = {
  secondsOfOne: 3,
  /** Calls of Secrets Manager for one token in one run. */
  callsForOne: 3,
} as const;

/** What the polls of a month use, at one a minute. */
export const POLLS_OF_A_MONTH = {
  count: PRICES.hoursPerMonth * 60,
  secondsOfOne: 0.5,
  /** What one poll logs, by the publisher of the metrics. */
  logBytesOfOne: { api: 300, emf: 2_900 },
} as const;

/** What the runs of the function apply-config in a month use, at one in five minutes. */
export const APPLY_RUNS_OF_A_MONTH = {
  count: PRICES.hoursPerMonth * 12,
  secondsOfOne: 1,
  logBytesOfOne: 200,
  /** Secrets of an agent: its token, and the URL of a database. */
  secretsOfAnAgent: 2,
} as const;
