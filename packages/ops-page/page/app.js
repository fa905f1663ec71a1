import { Chart } from "./charts.js";
import { element, find, moment, show } from "./dom.js";
import { inline, markdown } from "./markdown.js";
import { badge, historyTable, secretTable, stackTable, table, taskTable, words } from "./tables.js";

/**
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
const isHelper = ({ name }) => /-told$/.test(name) || short(name) === "quiet";

async function showState() {
  const state = await ask("/api/state");
  stage = state.stage;
  refresh = state.refreshSeconds;
  if (!rangeChosen) range.value = state.range;
  document.title = `dbward ${stage}`;
  find("#stage").textContent = stage;
  alarms = "items" in state.alarms ? state.alarms.items : [];
  showVerdict("error" in state.alarms ? state.alarms.error : "");
  showTiles();
  table(
    find("#alarms .rows"),
    state.alarms,
    "Alarms, with the reason of their state",
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
        badge(alarm.state),
        moment(alarm.since),
        alarm.reason,
      ],
    }),
    "The stage has no alarms yet.",
  );
  historyTable(find("#history .rows"), state.history, short);
  taskTable(find("#tasks .rows"), state.tasks);
  secretTable(find("#secrets .rows"), state.secrets);
  stackTable(find("#stacks .rows"), state.stacks);
  showExtra(state.extra);
  show(find("#updated"), "As of ", moment(state.at));
}

/** @param {string} error */
function showVerdict(error) {
  const told = alarms.filter((alarm) => isAlarming(alarm) && !isHelper(alarm));
  const down = told.some(({ name }) => short(name) === "down");
  const troubles = told.filter(({ name }) => !["down", "deployment-running"].includes(short(name)));
  const verdict = find("#verdict");
  const [state, text] = error
    ? ["ALARM", error]
    : down
      ? ["ALARM", `Down: ${troubles.map(({ name }) => short(name)).join(", ")}`]
      : troubles.length > 0
        ? ["ALARM", `In alarm: ${troubles.map(({ name }) => short(name)).join(", ")}`]
        : alarms.length > 0
          ? ["OK", "All is well"]
          : ["WAIT", "No alarms yet"];
  verdict.dataset.state = state;
  if (verdict.textContent !== text) verdict.textContent = text;
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

/** @param {{ title: string, facts: Record<string, string> } | undefined} extra */
function showExtra(extra) {
  find("#extra").hidden = extra === undefined;
  if (!extra) return;
  find("#extra-title").textContent = extra.title;
  const items = Object.entries(extra.facts).map(([name, fact]) => ({ name, fact }));
  table(
    find("#extra .rows"),
    { items },
    extra.title,
    ["What", "Is"],
    ({ name, fact }) => ({ id: name, cells: [name, fact] }),
    "Nothing.",
  );
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
    find("#dashboard").replaceChildren(...dashboard.widgets.map(widgetFrame));
    showTiles();
  }
  for (const [index, widget] of dashboard.widgets.entries())
    charts.get(index)?.update(widget, dashboard.from, dashboard.to);
  if (dashboard.widgets.some((/** @type {any} */ { kind }) => kind === "log")) void showLogs();
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
  void attempt(showDashboard);
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  void attempt(showState);
  void attempt(showDashboard);
});

// The state says how far back and how often to look at the rest.
await attempt(showState);
void keep(showState, () => refresh.state);
void keep(showDashboard, () => refresh.metrics);
