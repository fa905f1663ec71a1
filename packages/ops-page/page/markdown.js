import { element } from "./dom.js";

/**
 * The little Markdown that text widgets use: headings, lists, bold, code and links to https pages.
 *
 * @param {string} text
 */
export function markdown(text) {
  const block = element("div", { class: "text" });
  /** @type {HTMLElement | undefined} */
  let list;
  for (const line of text.split("\n")) {
    const item = /^\s*[-*]\s+(.*)$/.exec(line);
    if (item) {
      list ??= block.appendChild(element("ul"));
      list.append(element("li", {}, inline(item[1] ?? "")));
      continue;
    }
    list = undefined;
    const heading = /^#{1,6}\s+(.*)$/.exec(line);
    if (heading) block.append(element("h3", {}, inline(heading[1] ?? "")));
    else if (line.trim()) block.append(element("p", {}, inline(line)));
  }
  return block;
}

/**
 * Text with its bold words, code, links, and files of docs/runbooks, which this server has as well.
 *
 * @param {string} text
 */
export function inline(text) {
  const parts = document.createDocumentFragment();
  let at = 0;
  for (const match of text.matchAll(
    /\*\*(.+?)\*\*|`([^`]+)`|\[([^\]]+)\]\((https:\/\/[^)\s]+)\)|\bdocs(\/runbooks\/[a-z0-9-]+\.md)/g,
  )) {
    parts.append(text.slice(at, match.index));
    at = match.index + match[0].length;
    const [, bold, code, label, href, runbook] = match;
    if (bold) parts.append(element("strong", {}, bold));
    else if (code) parts.append(element("code", {}, code));
    else
      parts.append(
        element("a", { href: href ?? runbook, target: "_blank", rel: "noreferrer" }, label ?? "runbook"),
      );
  }
  parts.append(text.slice(at));
  return parts;
}
