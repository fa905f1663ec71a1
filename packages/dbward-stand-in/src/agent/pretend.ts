import { setTimeout as delay } from "node:timers/promises";

/** Milliseconds that a statement takes when it doesn't say. */
const DEFAULT_MS = 50;

/**
 * Stands for the execution of a statement: waits for as long as its `pg_sleep(seconds)` says, and fails when it calls
 * `stand_in_fail()`. No database is reached.
 *
 * @returns the error, or nothing
 */
export async function pretend(sql: string): Promise<string | undefined> {
  const [, seconds] = /\bpg_sleep\(\s*(\d+(?:\.\d+)?)\s*\)/i.exec(sql) ?? [];
  await delay(seconds === undefined ? DEFAULT_MS : Number(seconds) * 1_000);
  return /\bstand_in_fail\(\s*\)/i.test(sql) ? "stand_in_fail() was called" : undefined;
}
