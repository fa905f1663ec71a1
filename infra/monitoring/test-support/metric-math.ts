/** Values of one metric or expression, by the start of their period in seconds. */
export type SeriesByTime = ReadonlyMap<number, number>;
type Value = number | "REPEAT" | SeriesByTime | readonly SeriesByTime[];

/** What an expression is evaluated over. */
export interface MathInput {
  readonly series: Readonly<Record<string, SeriesByTime>>;
  /** Seconds. */
  readonly periodSeconds: number;
  /** Starts of all periods of the range: the ones that FILL fills. */
  readonly times: readonly number[];
}

const OPERATORS: Readonly<Record<string, (left: number, right: number) => number | undefined>> = {
  "+": (left, right) => left + right,
  "-": (left, right) => left - right,
  "*": (left, right) => left * right,
  "/": (left, right) => (right === 0 ? undefined : left / right),
  ">": (left, right) => Number(left > right),
  "<": (left, right) => Number(left < right),
  ">=": (left, right) => Number(left >= right),
  "<=": (left, right) => Number(left <= right),
  AND: (left, right) => Number(left !== 0 && right !== 0),
};
/** From the weakest to the strongest. */
const PRECEDENCE = [["AND"], [">=", "<=", ">", "<"], ["+", "-"], ["*", "/"]];

/**
 * Evaluates the part of CloudWatch's metric math that the catalogue uses, by its documented rules: a time at which an
 * operand has no value has no result, and neither has a division by zero.
 */
export function evaluateMath(expression: string, input: MathInput): SeriesByTime {
  const tokens = expression.match(/[A-Za-z_]\w*|\d+(?:\.\d+)?|>=|<=|[-+*/<>(),[\]]/g) ?? [];
  let at = 0;
  const take = (expected: string) => {
    if (tokens[at] !== expected) throw new Error(`${expression}: ${expected} expected at ${tokens[at]}`);
    at++;
  };

  const binary = (level: number): Value => {
    const operators = PRECEDENCE[level];
    if (!operators) return operand();
    let left = binary(level + 1);
    for (let token = tokens[at]; token && operators.includes(token); token = tokens[at]) {
      at++;
      left = combine(OPERATORS[token]!, left, binary(level + 1));
    }
    return left;
  };
  const operand = (): Value => {
    const token = tokens[at++] ?? "";
    if (token === "(") {
      const inner = binary(0);
      take(")");
      return inner;
    }
    if (token === "[") return list("]").map(asSeries);
    if (token === "REPEAT") return token;
    if (/^\d/.test(token)) return Number(token);
    if (tokens[at] === "(") return call(token);
    const series = input.series[token];
    if (!series) throw new Error(`${expression}: no metric ${token}`);
    return series;
  };
  const list = (end: string): Value[] => {
    const values: Value[] = [];
    while (tokens[at] !== end) {
      values.push(binary(0));
      if (tokens[at] === ",") at++;
    }
    take(end);
    return values;
  };
  const call = (name: string): Value => {
    take("(");
    const values = list(")");
    const apply = FUNCTIONS[name];
    if (!apply) throw new Error(`${expression}: no function ${name}`);
    return apply(values, input);
  };

  const result = binary(0);
  if (at < tokens.length) throw new Error(`${expression} goes on after its end`);
  return asSeries(result);
}

const FUNCTIONS: Readonly<Record<string, (values: readonly Value[], input: MathInput) => Value>> = {
  IF: ([condition, yes, no]) => {
    const results = new Map<number, number>();
    for (const [time, holds] of asSeries(condition)) {
      const branch = holds === 0 ? no : yes;
      const value = typeof branch === "number" ? branch : branch && asSeries(branch).get(time);
      if (value !== undefined) results.set(time, value);
    }
    return results;
  },
  FILL: ([series, filler], { times }) => {
    const filled = new Map<number, number>();
    let last: number | undefined;
    for (const time of times.toSorted((a, b) => a - b)) {
      last = asSeries(series).get(time) ?? (filler === "REPEAT" ? last : Number(filler));
      if (last !== undefined) filled.set(time, last);
    }
    return filled;
  },
  MAX: ([list]) => {
    const largest = new Map<number, number>();
    for (const series of list as readonly SeriesByTime[])
      for (const [time, value] of series) largest.set(time, Math.max(value, largest.get(time) ?? value));
    return largest;
  },
  DIFF: ([series]) => {
    const points = [...asSeries(series)].sort(([a], [b]) => a - b);
    return new Map(points.slice(1).map(([time, value], index) => [time, value - points[index]![1]]));
  },
  PERIOD: (_values, { periodSeconds }) => periodSeconds,
};

function asSeries(value: Value | undefined): SeriesByTime {
  if (!(value instanceof Map)) throw new Error("a time series is expected");
  return value;
}

function combine(
  apply: (left: number, right: number) => number | undefined,
  left: Value,
  right: Value,
): Value {
  if (typeof left === "number" && typeof right === "number") return apply(left, right) ?? Number.NaN;
  const times = asSeries(typeof left === "number" ? right : left).keys();
  const results = new Map<number, number>();
  for (const time of times) {
    const l = typeof left === "number" ? left : asSeries(left).get(time);
    const r = typeof right === "number" ? right : asSeries(right).get(time);
    const value = l === undefined || r === undefined ? undefined : apply(l, r);
    if (value !== undefined) results.set(time, value);
  }
  return results;
}
