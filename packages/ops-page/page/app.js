import { Chart } from "./charts.js";
import { element, find, moment, show } from "./dom.js";
import { inline, markdown } from "./markdown.js";
import {
  badge,
  historyTable,
  serviceTable,
  stackTable,
  table,
  taskTable,
  tokenTable,
  words,
} from "./tables.js";

/**
 * @typedef {{ code: string, subject: string, severity: "error" | "warning" | "unknown", problem: string, evidence: string[], remedy: string, link?: string }} Finding
 * @typedef {{ name: string, kind: string, state: string, since: number, reason: string, description: string }} Alarm
 */

// The address holds the key of the page, which the browser has as a cookie now: it need not stay on the screen.
history.replaceState(null, "", "/");

const range = /** @type {HTMLSelectElement} */ (find("#range"));
const theme = /** @type {HTMLSelectElement} */ (find("#theme"));
const THEME_KEY = "dbward-theme";

/** Charts by the number of their widget, so that a refresh changes data and nothing else. @type {Map<number, Chart>} */
const charts = new Map();
/** What the widgets of the dashboard are; when this changes, they are made anew. */
let layout = "";
/** @type {Alarm[]} */
let alarms = [];
/** @type {Finding[] | undefined} */
let findings;
let stage = "";
/** Until the user has chosen a range, the server says which one. */
let rangeChosen = false;
/** Seconds; the server says. */
let refresh = { metrics: 60, state: 15 };

/** @param {string} path */
async function ask(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(30_000) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

/** The name of an alarm without the part that all alarms of the stage share. @param {string} name */
const short = (name) => name.replace(`dbward-${stage}-`, "");

/** @param {Alarm} alarm */
const isAlarming = ({ state }) => state === "ALARM";

/** Alarms that only help others: they stay out of the tiles. @param {Alarm} alarm */
const isHelper = ({ name }) => /-notification$/.test(name) || short(name) === "quiet";

/** Alarms in which nothing is wrong. @param {Alarm} alarm */
const isSignal = ({ name }) => ["quiet", "deployment-running"].includes(short(name));

async function showState() {
  const state = await ask("/api/state");
  stage = state.stage;
  refresh = state.refreshSeconds;
  if (!rangeChosen) range.value = state.range;
  document.title = `dbward ${stage}`;
  find("#stage").textContent = stage;
  alarms = "items" in state.alarms ? state.alarms.items : [];
  showVerdict();
  showFacts(state);
  showTiles();
  table(
    find("#alarms .rows"),
    "items" in state.alarms ? { items: byUrgency(state.alarms.items) } : state.alarms,
    "Alarms, those that are not OK first, with the reason of their state",
    ["Alarm", "State", "Since", "Reason"],
    (/** @type {Alarm} */ alarm) => ({
      id: alarm.name,
      cells: [
        element(
          "details",
          {},
          element("summary", {}, short(alarm.name)),
          element("p", { class: "description" }, inline(alarm.description)),
        ),
        badge(alarm.state, isSignal(alarm) && isAlarming(alarm) ? "busy" : undefined),
        moment(alarm.since),
        element("span", { class: "clipped", title: alarm.reason }, alarm.reason),
      ],
    }),
    "The stage has no alarms yet.",
  );
  historyTable(find("#history .rows"), state.history, short);
  taskTable(find("#tasks .rows"), state.tasks);
  serviceTable(find("#services .rows"), state.services);
  tokenTable(find("#tokens .rows"), state.tokens);
  stackTable(find("#stacks .rows"), state.stacks);
  show(find("#updated"), "As of ", moment(state.at));
}

/** Those in alarm first, then those without data; helpers last. @param {Alarm[]} items */
function byUrgency(items) {
  const rank = (/** @type {Alarm} */ alarm) =>
    (isHelper(alarm) ? 10 : 0) + ["ALARM", "INSUFFICIENT_DATA", "OK"].indexOf(alarm.state);
  return [...items].sort((a, b) => rank(a) - rank(b));
}

function showVerdict() {
  const own = alarms.filter((alarm) => isAlarming(alarm) && !isHelper(alarm));
  const isDown = own.some(({ name }) => short(name) === "down");
  const troubles = own.filter(({ name }) => !["down", "deployment-running"].includes(short(name)));
  const others = (findings ?? []).filter(({ severity, code }) => severity === "error" && code !== "alarm");
  const parts = [
    troubles.length > 0 &&
      `${isDown ? "Down" : "In alarm"}: ${troubles.map(({ name }) => short(name)).join(", ")}`,
    others.length > 0 && (others.length === 1 ? "1 problem" : `${others.length} problems`),
  ].filter(Boolean);
  const [state, text] =
    parts.length > 0
      ? ["ALARM", parts.join("; ")]
      : findings === undefined
        ? ["WAIT", "Reading…"]
        : ["OK", "No problems found"];
  const verdict = find("#verdict");
  verdict.dataset.state = state;
  if (verdict.textContent !== text) verdict.textContent = text;
}

/** Problems that are shown before the list is opened. */
const SHOWN_FINDINGS = 3;

async function showFindings() {
  ({ findings } = await ask("/api/findings"));
  showVerdict();
  const items = (findings ?? []).map(findingItem);
  const rest = items.slice(SHOWN_FINDINGS);
  show(
    find("#findings"),
    items.length > 0 && element("ul", {}, ...items.slice(0, SHOWN_FINDINGS)),
    rest.length > 0 &&
      element("details", {}, element("summary", {}, `${rest.length} more`), element("ul", {}, ...rest)),
  );
}

/** @param {Finding} finding */
function findingItem({ code, subject, severity, problem, evidence, remedy, link }) {
  return element(
    "li",
    { class: "finding", "data-code": code, "data-severity": severity },
    element(
      "details",
      {},
      element("summary", {}, element("strong", {}, subject), ` ${problem}`),
      ...evidence.map((text) => element("pre", {}, inline(text))),
    ),
    element("p", {}, "→ ", inline(remedy)),
    link &&
      element("p", {}, element("a", { href: link, target: "_blank", rel: "noreferrer" }, "AWS console")),
  );
}

/** The stage in numbers. @param {any} state */
function showFacts({ stacks, services, tokens, metrics }) {
  /** @type {(part: any, isGood: (item: any) => boolean) => [string, boolean | undefined]} */
  const share = (part, isGood) => {
    if ("error" in part) return ["not known", undefined];
    const good = part.items.filter(isGood).length;
    return [`${good} of ${part.items.length}`, good === part.items.length];
  };
  const value = (/** @type {string} */ name) =>
    "items" in metrics
      ? metrics.items.find((/** @type {any} */ each) => each.name === name)?.value
      : undefined;
  const number = (/** @type {string} */ name) => [String(value(name) ?? "–"), undefined];
  const own = {
    items: alarms.filter((alarm) => !isHelper(alarm) && short(alarm.name) !== "deployment-running"),
  };
  /** @type {[string, any][]} */
  const facts = [
    ["stacks deployed", share(stacks, ({ status }) => /^(CREATE|UPDATE)_COMPLETE$/.test(status))],
    [
      "services running",
      share(services, ({ running, desired, state }) => running >= desired && !/failed|missing/.test(state)),
    ],
    ["tokens captured", share(tokens, ({ state }) => state === "captured" || state === "unreadable")],
    ["alarms not ringing", share(own, ({ state }) => state !== "ALARM")],
    ["agents offline", number("AgentsOffline")],
    ["waiting for an agent", number("QueueDepth")],
    ["running", number("RequestsRunning")],
    // Not every stage has this metric.
    ...(value("RequestsPending") === undefined
      ? []
      : [/** @type {[string, any]} */ (["waiting for approval", number("RequestsPending")])]),
  ];
  show(
    find("#facts"),
    ...facts.map(([name, [text, isGood]]) =>
      element(
        "li",
        { "data-mood": isGood === undefined ? undefined : isGood ? "good" : "bad" },
        element("strong", { class: "number" }, text),
        element("span", {}, name),
      ),
    ),
  );
}

/** The alarm widgets of the dashboard get their states from the state, which is read more often. */
function showTiles() {
  for (const place of document.querySelectorAll("[data-alarms]")) {
    if (!(place instanceof HTMLElement)) continue;
    const names = place.dataset.alarms?.split("\n") ?? [];
    show(
      place,
      ...names.map((name) => {
        const alarm = alarms.find((known) => known.name === name);
        const state = alarm?.state ?? "INSUFFICIENT_DATA";
        return element(
          "li",
          { class: "tile", "data-alarm": short(name), "data-state": state, title: alarm?.reason },
          element("span", { class: "tile-name" }, short(name)),
          element("span", { class: "tile-state" }, words(state)),
        );
      }),
    );
  }
}

async function showDashboard() {
  const dashboard = await ask(`/api/dashboard?range=${range.value}`);
  const shape = JSON.stringify(
    dashboard.widgets.map((/** @type {any} */ { times, series, ...rest }) => [
      rest,
      series?.map((/** @type {any} */ { values, ...line }) => line),
    ]),
  );
  if (shape !== layout) {
    layout = shape;
    charts.clear();
    const frames = dashboard.widgets.map(widgetFrame);
    const isFirst = firstRows(dashboard.widgets);
    const first = frames.filter((/** @type {HTMLElement} */ _frame, /** @type {number} */ index) =>
      isFirst(dashboard.widgets[index]),
    );
    find("#dashboard").replaceChildren(...first);
    const rest = frames.filter((/** @type {HTMLElement} */ frame) => !first.includes(frame));
    find("#more .charts").replaceChildren(...rest);
    find("#more").hidden = rest.length === 0;
    showTiles();
  }
  for (const [index, widget] of dashboard.widgets.entries())
    charts.get(index)?.update(widget, dashboard.from, dashboard.to);
  if (dashboard.widgets.some((/** @type {any} */ { kind }) => kind === "log")) void showLogs();
}

/** Rows of charts that fit a screen with what is above them. */
const FIRST_ROWS = 2;

/** Whether a widget is a chart of the first rows; alarms and problems are above the charts anyway. @param {any[]} widgets */
function firstRows(widgets) {
  const rows = [...new Set(widgets.filter(({ kind }) => kind === "metric").map(({ y }) => y))].sort(
    (a, b) => a - b,
  );
  const shown = new Set(rows.slice(0, FIRST_ROWS));
  return (/** @type {any} */ { kind, y }) => kind === "metric" && shown.has(y);
}

/** @param {any} widget @param {number} index */
function widgetFrame(widget, index) {
  const title = widget.title || (widget.kind === "text" ? "Links" : widget.kind);
  const frame = element("figure", { class: "widget", "data-kind": widget.kind, "aria-label": title });
  frame.style.setProperty("--column", `${widget.x + 1} / span ${widget.width}`);
  frame.style.order = String(widget.y * 100 + widget.x);
  if (widget.title) frame.append(element("figcaption", {}, widget.title));
  if (widget.kind === "metric") charts.set(index, new Chart(frame, widget));
  if (widget.kind === "text") frame.append(markdown(widget.markdown));
  if (widget.kind === "log") frame.append(element("div", { class: "rows", "data-log": "" }));
  if (widget.kind === "alarm")
    frame.append(element("ul", { class: "tiles", "data-alarms": widget.alarms.join("\n") }));
  return frame;
}

async function showLogs() {
  const answers = await ask(`/api/logs?range=${range.value}`);
  for (const [index, place] of [...document.querySelectorAll("[data-log]")].entries()) {
    const { rows, error } = answers[index] ?? { rows: [] };
    if (!(place instanceof HTMLElement)) continue;
    table(
      place,
      error ? { error } : { items: rows },
      "Last errors",
      ["When", "Log", "Message"],
      (/** @type {Record<string, string>} */ row) => ({
        id: `${row["@timestamp"]} ${row["@message"]}`,
        cells: [row["@timestamp"], row["@log"], element("code", {}, row["@message"])],
      }),
      "No errors in this range.",
    );
  }
}

/** @param {() => Promise<void>} showing */
async function attempt(showing) {
  const problem = find("#problem");
  try {
    await showing();
    problem.hidden = true;
  } catch (error) {
    problem.hidden = false;
    problem.textContent = `Not up to date: ${error instanceof Error ? error.message : error}`;
  }
}

/** @param {() => Promise<void>} showing @param {() => number} seconds */
async function keep(showing, seconds) {
  for (;;) {
    if (!document.hidden) await attempt(showing);
    await new Promise((resolve) => setTimeout(resolve, seconds() * 1000));
  }
}

function applyTheme() {
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
  for (const chart of charts.values()) chart.draw();
}

theme.value = localStorage.getItem(THEME_KEY) ?? "system";
applyTheme();
theme.addEventListener("change", () => {
  localStorage.setItem(THEME_KEY, theme.value);
  applyTheme();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", applyTheme);
range.addEventListener("change", () => {
  rangeChosen = true;
  void attempt(showDashboard);
});
find("#refresh").addEventListener("click", () => {
  void attempt(showState);
  void attempt(showFindings);
  void attempt(showDashboard);
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  void attempt(showState);
  void attempt(showFindings);
  void attempt(showDashboard);
});

// The state says how far back and how often to look at the rest.
await attempt(showState);
void keep(showState, () => refresh.state);
void keep(showFindings, () => refresh.metrics);
void keep(showDashboard, () => refresh.metrics);
