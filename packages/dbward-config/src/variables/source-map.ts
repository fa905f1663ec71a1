/** A part of an expanded text, and the part of the user's text that it came from. */
export interface Segment {
  /** Offset in the expanded text. The segment ends where the next one starts. */
  readonly start: number;
  readonly sourceStart: number;
  readonly sourceEnd: number;
  /**
   * `text`: copied unchanged (also the default in a reference). `value`: the value of a variable, in place of the whole reference.
   * `missing`: a placeholder for a reference that can't be expanded.
   */
  readonly kind: "text" | "value" | "missing";
}

/** A range of the expanded text, as offsets. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Maps an expanded text back to the user's text. */
export class SourceMap {
  readonly #source: string;
  readonly #segments: readonly Segment[];
  readonly #lineStarts: readonly number[];

  /** @param segments in order, without gaps, the first from offset 0 */
  constructor(source: string, segments: readonly Segment[]) {
    this.#source = source;
    this.#segments = segments;
    this.#lineStarts = lineStarts(source);
  }

  /** Line of the user's text, from 1. */
  line(offset: number): number {
    return lastAtOrBefore(this.#lineStarts, this.#sourceOffset(offset), (start) => start) + 1;
  }

  /** Whether a part of the range is the value of a variable. */
  holdsValue(span: Span): boolean {
    return this.#overlaps(span, "value");
  }

  /** Whether a part of the range is a placeholder for a reference that couldn't be expanded. */
  holdsMissing(span: Span): boolean {
    return this.#overlaps(span, "missing");
  }

  /** What the user wrote in this range, including references. */
  written(span: Span): string {
    const first = this.#segmentAt(span.start);
    const last = this.#segmentAt(Math.max(span.start, span.end - 1));
    const start = first.kind === "text" ? this.#sourceOffset(span.start) : first.sourceStart;
    const end = last.kind === "text" ? this.#sourceOffset(span.end - 1) + 1 : last.sourceEnd;
    return this.#source.slice(start, end);
  }

  #sourceOffset(offset: number): number {
    const segment = this.#segmentAt(offset);
    if (segment.kind !== "text") return segment.sourceStart;
    return segment.sourceStart + Math.min(offset - segment.start, segment.sourceEnd - segment.sourceStart);
  }

  #segmentAt(offset: number): Segment {
    return this.#segments[this.#indexAt(offset)]!;
  }

  #indexAt(offset: number): number {
    return Math.max(
      0,
      lastAtOrBefore(this.#segments, offset, (segment) => segment.start),
    );
  }

  #overlaps(span: Span, kind: Segment["kind"]): boolean {
    for (let index = this.#indexAt(span.start); index < this.#segments.length; index++) {
      const segment = this.#segments[index]!;
      if (segment.start >= span.end) return false;
      if (segment.kind === kind) return true;
    }
    return false;
  }
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** Index of the last element whose position is at or before `offset`; -1 when there is none. */
function lastAtOrBefore<T>(sorted: readonly T[], offset: number, position: (element: T) => number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (position(sorted[middle]!) <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
