import { createLogUpdate } from "log-update";
import type { ProgressEvent } from "../stage/progress.ts";
import { formatDuration, paint } from "./format.ts";

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 80;

/** A stream that may be a terminal. */
export interface Output extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

/**
 * Shows steps: in a terminal each running step has a line that lives; elsewhere every start and end is a
 * plain line.
 */
export class ProgressView {
  readonly #output: Output;
  readonly #running = new Map<string, { readonly since: number; note: string }>();
  readonly #live: ReturnType<typeof createLogUpdate> | undefined;
  #frame = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(output: Output = process.stdout) {
    this.#output = output;
    if (output.isTTY) this.#live = createLogUpdate(output);
  }

  show(event: ProgressEvent): void {
    const { step } = event;
    if (event.kind === "started") {
      this.#running.set(step, { since: performance.now(), note: "" });
      if (!this.#live) this.#write(`· ${step} …`);
    } else if (event.kind === "noted") {
      const running = this.#running.get(step);
      if (running) running.note = event.text;
    } else {
      this.#running.delete(step);
      const took = paint.dim(formatDuration(event.milliseconds));
      const text = event.kind === "done" && event.text ? `  ${paint.dim(event.text)}` : "";
      const mark = event.kind === "done" ? paint.good("✓") : paint.bad("✗");
      this.#write(`${mark} ${step}  ${took}${text}`);
    }
    this.#redraw();
  }

  /** Takes the living lines away. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#running.clear();
    this.#live?.clear();
  }

  #write(line: string): void {
    this.#live?.clear();
    this.#output.write(`${line}\n`);
  }

  #redraw(): void {
    if (!this.#live) return;
    if (this.#running.size === 0) {
      this.close();
      return;
    }
    this.#timer ??= setInterval(() => this.#redraw(), FRAME_MS);
    const frame = FRAMES[this.#frame++ % FRAMES.length];
    const now = performance.now();
    const lines = [...this.#running].map(
      ([step, { since, note }]) =>
        `${frame} ${step}  ${paint.dim(`${formatDuration(now - since)}  ${note}`)}`,
    );
    this.#live(lines.join("\n"));
  }
}
