/** @typedef {Node | string | null | undefined | false} Child */

/**
 * Makes an element. Text goes in as text, never as markup.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number | boolean | undefined>} [attributes] `false` and `undefined` are left out
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child) made.append(child);
  return made;
}

/**
 * The element of the page with this selector.
 *
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function find(selector) {
  const found = document.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`The page has no ${selector}.`);
  return found;
}

/**
 * Shows `children` in `parent`, and leaves it alone when nothing has changed: focus, selection and scroll stay.
 *
 * @param {HTMLElement} parent
 * @param {...Child} children
 * @returns {boolean} whether something has changed
 */
export function show(parent, ...children) {
  const next = element("div", {}, ...children);
  // A row that the viewer opened is not a change.
  if (next.innerHTML === parent.innerHTML.replaceAll(' open=""', "")) return false;
  parent.replaceChildren(...next.childNodes);
  return true;
}

/**
 * A moment in the viewer's own time.
 *
 * @param {number} milliseconds since the epoch
 */
export function moment(milliseconds) {
  if (!milliseconds) return element("span", {}, "–");
  const date = new Date(milliseconds);
  const today = date.toDateString() === new Date().toDateString();
  return element(
    "time",
    { datetime: date.toISOString() },
    today ? date.toLocaleTimeString() : date.toLocaleString(),
  );
}
