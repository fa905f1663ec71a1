import { element, moment, show } from "./dom.js";

/**
 * @template T
 * @typedef {{ items: T[] } | { error: string }} Answer
 */

/** Rows that a table shows before it is opened. */
const SHOWN_ROWS = 8;

/**
 * A table, or why there is none. A long one is folded until it is opened.
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
  const isOpen = "open" in place.dataset;
  const rows = answer.items.map((item, index) => {
    const { id, cells } = row(item);
    return element(
      "tr",
      { "data-id": id, hidden: index >= SHOWN_ROWS && !isOpen },
      ...cells.map((cell) => element("td", {}, cell)),
    );
  });
  const label = isOpen ? "Show fewer" : `Show all ${rows.length}`;
  const fold =
    rows.length > SHOWN_ROWS && element("button", { type: "button", "aria-expanded": String(isOpen) }, label);
  const isNew = show(
    place,
    element(
      "table",
      {},
      element("caption", { class: "unseen" }, caption),
      element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
      element("tbody", {}, ...rows),
    ),
    fold,
  );
  if (fold && isNew)
    fold.addEventListener("click", () => {
      if (isOpen) delete place.dataset.open;
      else place.dataset.open = "";
      table(place, answer, caption, heads, row, none);
      place.querySelector("button")?.focus();
    });
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
  unreadable: "unknown",
  empty: "bad",
  missing: "bad",
  "being-deleted": "bad",
  "not deployed": "bad",
  stable: "good",
  deploying: "busy",
  failed: "bad",
};

/** @param {string} state */
function mood(state) {
  if (Object.hasOwn(MOODS, state)) return MOODS[/** @type {keyof typeof MOODS} */ (state)];
  if (/FAILED|ROLLBACK/.test(state)) return "bad";
  return /COMPLETE$/.test(state) ? "good" : "busy";
}

/** @param {string} state @param {string} [colour] mood that is not the state's usual one */
export function badge(state, colour = mood(state)) {
  return element("span", { class: "badge", "data-mood": colour }, words(state));
}

/**
 * `INSUFFICIENT_DATA` as people write it.
 *
 * @param {string} state
 */
export function words(state) {
  return state === "INSUFFICIENT_DATA" ? "no data" : state.replaceAll("_", " ").toLowerCase();
}

/**
 * @typedef {{ name: string, kind: string, service: string, desired: number, running: number, state: string, reason: string, event: string }} Service
 * @typedef {{ owner: string, secret: string, state: string, changed: number }} Token
 * @typedef {{ name: string, status: string, reason: string }} Stack
 * @typedef {{ name: string, at: number, from: string, to: string, reason: string }} Change
 * @typedef {{ reason: string, containers: { name: string, reason: string, exitCode?: number }[] }} Stop
 * @typedef {{ id: string, service: string, definition: string, status: string, health: string, since: number, stop?: Stop }} Task
 */

/** @param {Answer<Change>} history @param {HTMLElement} place @param {(name: string) => string} short */
export function historyTable(place, history, short) {
  table(
    place,
    history,
    "Changes of the alarms, the newest first",
    ["When", "Alarm", "Change", "Reason"],
    ({ name, at, from, to, reason }) => ({
      id: `${name} ${at}`,
      cells: [
        moment(at),
        short(name),
        element("span", {}, `${words(from)} → `, badge(to)),
        element("span", { class: "clipped", title: reason }, reason),
      ],
    }),
    "No alarm has gone off yet.",
  );
}

/** @param {HTMLElement} place @param {Answer<Service>} services */
export function serviceTable(place, services) {
  table(
    place,
    services,
    "ECS services of the stage",
    ["Service", "Tasks", "State", "Reported by ECS"],
    ({ name, kind, service, desired, running, state, reason, event }) => ({
      id: service,
      cells: [
        kind === "server" ? "server" : `agent ${name}`,
        `${running} of ${desired}`,
        badge(state),
        reason || event,
      ],
    }),
    "The stage has no services yet.",
  );
}

/** @param {HTMLElement} place @param {Answer<Task>} tasks */
export function taskTable(place, tasks) {
  const isStopped = (/** @type {Task} */ { status }) => status === "STOPPED";
  const ordered =
    "items" in tasks
      ? { items: [...tasks.items].sort((a, b) => Number(isStopped(a)) - Number(isStopped(b))) }
      : tasks;
  table(
    place,
    ordered,
    "Tasks of the stage, running and recently stopped",
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
        task.stop && stopText(task.stop),
      ],
    }),
    "No task runs.",
  );
}

/** @param {Stop} stop */
function stopText({ reason, containers }) {
  const ends = containers.flatMap(({ name, reason: why, exitCode }) => {
    const parts = [why, exitCode === undefined ? "" : `exit code ${exitCode}`].filter(Boolean);
    return parts.length > 0 ? [`container ${name}: ${parts.join(", ")}`] : [];
  });
  return [reason, ...ends].join("; ");
}

/** @param {HTMLElement} place @param {Answer<Token>} tokens */
export function tokenTable(place, tokens) {
  table(
    place,
    tokens,
    "Tokens: whether each is captured; values are not shown",
    ["Token of", "Secret", "State", "Changed"],
    ({ owner, secret, state, changed }) => ({
      id: secret,
      cells: [owner, element("code", {}, secret), badge(state), moment(changed)],
    }),
    "The stage has no tokens yet.",
  );
}

/** @param {HTMLElement} place @param {Answer<Stack>} stacks */
export function stackTable(place, stacks) {
  table(
    place,
    stacks,
    "CloudFormation stacks of the stage",
    ["Stack", "Status", "Reason"],
    ({ name, status, reason }) => ({
      id: name,
      cells: [name, badge(status === "missing" ? "not deployed" : status), reason],
    }),
    "The stage has no stacks.",
  );
}
