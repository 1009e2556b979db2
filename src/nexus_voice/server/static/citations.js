// What an answer rests on: small numbers in its text, a card that shows the passage, and the list below.

import { element } from "/static/conversation.js";

const LINGER = 250; // milliseconds the card stays, so that the pointer can reach it
const GAP = 6; // pixels between a number and its card
const CARD = "source-card";

/** Where a passage stands: title, headings, page. */
export function place({ title, path, page }) {
  return [title, ...path.filter((step) => step !== title)].join(" › ") + (page ? `, page ${page}` : "");
}

/** Numbers that open their sources, to stand behind a sentence. */
export function marks(numbers, sources) {
  const box = element("sup", "marks");
  box.append(...numbers.filter((number) => sources[number - 1]).map((number) => mark(number, sources[number - 1])));
  return box;
}

function mark(number, source) {
  const node = opener(source, String(number));
  node.setAttribute("aria-label", `Source ${number}: ${place(source)}`);
  node.addEventListener("pointerenter", () => card.show(node, source));
  node.addEventListener("focus", () => card.show(node, source));
  node.addEventListener("pointerleave", () => card.leave());
  node.addEventListener("blur", () => card.hide());
  return node;
}

/** A link to the source, or a button that only shows it: no address but ours and the web's is followed. */
function opener({ link }, text) {
  if (!/^(?:\/(?!\/)|https?:\/\/)/i.test(link)) {
    const button = element("button", "mark", text);
    button.type = "button";
    return button;
  }
  const anchor = element("a", "mark", text);
  Object.assign(anchor, { href: link, target: "_blank", rel: "noopener noreferrer" });
  return anchor;
}

/** The list below an answer: the passages it rests on, and, folded, what else was found. */
export function list(sources, used, open) {
  const box = element("details", "sources");
  box.open = open;
  const all = sources.map((source, index) => ({ ...source, number: index + 1 }));
  const first = used.size ? all.filter(({ number }) => used.has(number)) : all;
  const titles = [...new Set(first.map(({ title }) => title))];
  box.append(element("summary", "", `From ${titles.join(", ")}`), entries(first));
  const rest = all.filter((source) => !first.includes(source));
  if (rest.length) {
    const more = element("details", "unused");
    more.append(element("summary", "", `Also found (${rest.length})`), entries(rest));
    box.append(more);
  }
  return box;
}

function entries(sources) {
  const items = element("ol");
  for (const source of sources) {
    const item = element("li");
    item.value = source.number;
    const where = opener(source, place(source));
    where.className = "where";
    item.append(where, element("blockquote", "", source.text));
    items.append(item);
  }
  return items;
}

class Card {
  #node = null;
  #anchor = null;
  #timer = 0;

  show(anchor, source) {
    this.hide();
    this.#anchor = anchor;
    this.#node = element("div", "card");
    Object.assign(this.#node, { id: CARD, role: "tooltip" });
    this.#node.append(element("b", "", place(source)), element("p", "", source.text));
    this.#node.addEventListener("pointerenter", () => clearTimeout(this.#timer));
    this.#node.addEventListener("pointerleave", () => this.leave());
    document.body.append(this.#node);
    anchor.setAttribute("aria-describedby", CARD);
    this.#put(anchor.getBoundingClientRect(), this.#node.getBoundingClientRect());
  }

  leave() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.hide(), LINGER);
  }

  hide() {
    clearTimeout(this.#timer);
    this.#anchor?.removeAttribute("aria-describedby");
    this.#node?.remove();
    this.#node = this.#anchor = null;
  }

  /** Above the number, or below where there is no room; within the window. */
  #put(anchor, { width, height }) {
    const left = Math.max(GAP, Math.min(anchor.left, innerWidth - width - GAP));
    const above = anchor.top - height - GAP;
    const top = above > 0 ? above : Math.min(anchor.bottom + GAP, innerHeight - height - GAP);
    Object.assign(this.#node.style, { left: `${left}px`, top: `${Math.max(GAP, top)}px` });
  }
}

const card = new Card();
addEventListener("keydown", ({ key }) => key === "Escape" && card.hide());
addEventListener("scroll", ({ target }) => target.id !== CARD && card.hide(), { capture: true, passive: true });
