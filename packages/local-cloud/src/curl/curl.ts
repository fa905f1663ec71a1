// A small `curl`: what the commands of our containers call, on a machine that has none.
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type CurlOptions, readOptions, UnknownOption } from "./options.ts";
import { sign } from "./sign.ts";

/** Exit codes, as curl has them. */
const EXIT = { usage: 2, unresolved: 6, unreachable: 7, httpError: 22, timeout: 28 } as const;
/** Answers that `--retry` asks again after. */
const PASSING = new Set([408, 429, 500, 502, 503, 504]);

process.exitCode = await main();

async function main(): Promise<number> {
  let options: CurlOptions;
  try {
    options = readOptions(process.argv.slice(2), (file) => readFileSync(file === "-" ? 0 : file, "utf8"));
  } catch (error) {
    if (!(error instanceof UnknownOption)) throw error;
    process.stderr.write(`curl: ${error.message}\n`);
    return EXIT.usage;
  }
  if (options.url === undefined) {
    process.stderr.write("curl: (2) no URL specified\n");
    return EXIT.usage;
  }
  try {
    return await transfer(options, options.url);
  } catch (error) {
    process.stdout.write(writeOut(options, 0));
    return exitCodeOf(error);
  }
}

async function transfer(options: CurlOptions, url: string): Promise<number> {
  const signal = options.maxTimeSeconds ? AbortSignal.timeout(options.maxTimeSeconds * 1_000) : undefined;
  for (let attempt = 0; ; attempt++) {
    const response = await request(options, url, signal);
    const body = Buffer.from(await response.arrayBuffer());
    if (PASSING.has(response.status) && attempt < options.retries) {
      await delay(2 ** attempt * 1_000, undefined, signal ? { signal } : {});
      continue;
    }
    const failed = options.fail && response.status >= 400;
    if (!failed) writeFileSync(options.output ?? 1, body);
    process.stdout.write(writeOut(options, response.status));
    return failed ? EXIT.httpError : 0;
  }
}

function request(options: CurlOptions, address: string, signal: AbortSignal | undefined): Promise<Response> {
  const { data, user, awsSigv4 } = options;
  const url = new URL(address);
  const method = options.method ?? (data === undefined ? "GET" : "POST");
  const headers = new Headers(options.headers);
  if (data !== undefined && !headers.has("content-type"))
    headers.set("content-type", "application/x-www-form-urlencoded");
  if (user !== undefined && awsSigv4 !== undefined)
    sign({ method, url, headers, body: data ?? "" }, user, awsSigv4);
  else if (user !== undefined) headers.set("authorization", `Basic ${btoa(user)}`);
  return fetch(url, { method, headers, body: data ?? null, signal: signal ?? null, redirect: "manual" });
}

function writeOut({ writeOut: format }: CurlOptions, status: number): string {
  return format.replaceAll("%{http_code}", String(status).padStart(3, "0")).replaceAll("\\n", "\n");
}

function exitCodeOf(error: unknown): number {
  const { name, cause } = error as Error;
  if (name === "TimeoutError" || name === "AbortError") return EXIT.timeout;
  return (cause as NodeJS.ErrnoException | undefined)?.code === "ENOTFOUND"
    ? EXIT.unresolved
    : EXIT.unreachable;
}
