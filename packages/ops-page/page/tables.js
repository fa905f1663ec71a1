import { element, moment, show } from "./dom.js";

/**
 * @template T
 * @typedef {{ items: T[] } | { error: string }} Answer
 */

/**
 * A table, or why there is none.
 *
 * @template T
 * @param {HTMLElement} place
 * @param {Answer<T>} answer
 * @param {string} caption for screen readers
 * @param {string[]} heads
 * @param {(item: T) => { id: string, cells: import("./dom.js").Child[] }} row
 * @param {string} none what an empty table says
 */
export function table(place, answer, caption, heads, row, none) {
  if ("error" in answer) return show(place, element("p", { class: "problem" }, answer.error));
  if (answer.items.length === 0) return show(place, element("p", { class: "quiet" }, none));
  const rows = answer.items.map((item) => {
    const { id, cells } = row(item);
    return element("tr", { "data-id": id }, ...cells.map((cell) => element("td", {}, cell)));
  });
  show(
    place,
    element(
      "table",
      {},
      element("caption", { class: "unseen" }, caption),
      element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
      element("tbody", {}, ...rows),
    ),
  );
}

/** What a state is like, for its colour; the word beside it says it to those who see none. */
const MOODS = {
  ALARM: "bad",
  OK: "good",
  INSUFFICIENT_DATA: "unknown",
  RUNNING: "good",
  HEALTHY: "good",
  UNHEALTHY: "bad",
  STOPPED: "unknown",
  UNKNOWN: "unknown",
  captured: "good",
  empty: "bad",
};

/** @param {string} state */
function mood(state) {
  if (Object.hasOwn(MOODS, state)) return MOODS[/** @type {keyof typeof MOODS} */ (state)];
  if (/FAILED|ROLLBACK/.test(state)) return "bad";
  return /COMPLETE$/.test(state) ? "good" : "busy";
}

/** @param {string} state */
export function badge(state) {
  return element("span", { class: "badge", "data-mood": mood(state) }, words(state));
}

/**
 * `INSUFFICIENT_DATA` as people write it.
 *
 * @param {string} state
 */
export function words(state) {
  return state === "INSUFFICIENT_DATA" ? "no data" : state.replaceAll("_", " ").toLowerCase();
}

/** @param {Answer<{ name: string, at: number, summary: string, reason: string }>} history @param {HTMLElement} place @param {(name: string) => string} short */
export function historyTable(place, history, short) {
  table(
    place,
    history,
    "Changes of the alarms, the last one first",
    ["When", "Alarm", "Change", "Reason"],
    ({ name, at, summary, reason }) => ({
      id: `${name} ${at}`,
      cells: [moment(at), short(name), summary.replace(/^Alarm updated /, ""), reason],
    }),
    "No alarm has changed yet.",
  );
}

/** @param {HTMLElement} place @param {Answer<{ id: string, service: string, definition: string, status: string, health: string, since: number, stopped: string }>} tasks */
export function taskTable(place, tasks) {
  table(
    place,
    tasks,
    "Tasks of the cluster, running and lately stopped",
    ["Service", "Task", "Definition", "Status", "Health", "Since", "Stopped because"],
    (task) => ({
      id: task.id,
      cells: [
        task.service,
        element("code", {}, task.id.slice(0, 12)),
        task.definition,
        badge(task.status),
        badge(task.health),
        moment(task.since),
        task.stopped,
      ],
    }),
    "No task runs.",
  );
}

/** @param {HTMLElement} place @param {Answer<{ name: string, captured: boolean, changed: number }>} secrets */
export function secretTable(place, secrets) {
  table(
    place,
    secrets,
    "Secrets: whether each has a value; values are never read",
    ["Secret", "Value", "Changed"],
    ({ name, captured, changed }) => ({
      id: name,
      cells: [element("code", {}, name), badge(captured ? "captured" : "empty"), moment(changed)],
    }),
    "The stage has no secrets yet.",
  );
}

/** @param {HTMLElement} place @param {Answer<{ name: string, status: string, reason: string }>} stacks */
export function stackTable(place, stacks) {
  table(
    place,
    stacks,
    "CloudFormation stacks of the stage",
    ["Stack", "Status", "Reason"],
    ({ name, status, reason }) => ({ id: name, cells: [name, badge(status), reason] }),
    "The stage has no stacks.",
  );
}
