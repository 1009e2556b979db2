// The conversation on the page. Everything that others wrote enters it as text, never as markup.

import { list, marks } from "/static/citations.js";

const CLOCKS = {
  stt: "understood",
  recall: "looked up",
  search: "searched the web",
  llm_first_token: "first word",
  tts_first_audio: "first sound made",
  first_audio_sent: "first sound sent",
  first_audio_played: "first sound heard",
  barge_in: "fell silent",
};
const MOST_TURNS = 100; // shown; older ones leave the page

export class Conversation {
  #turns = new Map(); // number -> {root, answer, text, notes, said, at, found, used}
  #hearing = null; // what is being said right now

  constructor(log, welcome) {
    this.log = log;
    this.welcome = welcome;
  }

  clear() {
    this.#turns.clear();
    this.#hearing = null;
    this.log.replaceChildren(this.welcome);
  }

  /** Words as they are recognised; they may still change. */
  hearing(text) {
    this.#hearing ??= this.#add(element("p", "user hearing"));
    this.#hearing.textContent = text || "…";
    this.#follow();
  }

  /** Nothing was said after all, or too little for an answer. */
  nothing() {
    this.#hearing?.remove();
    this.#hearing = null;
  }

  question(number, text) {
    this.nothing();
    const root = this.#add(element("article", "turn"));
    const answer = element("div", "answer");
    const turn = { root, answer, text: element("p", "text"), notes: element("div", "notes") };
    Object.assign(turn, { said: "", at: 0, found: [], used: new Set() }); // at: where the last sentence ended
    turn.text.append("");
    turn.text.setAttribute("aria-busy", "true");
    answer.append(turn.text, turn.notes);
    root.append(element("p", "user", text), answer);
    this.#turns.set(number, turn);
    if (this.#turns.size > MOST_TURNS) {
      const [oldest, { root: gone }] = this.#turns.entries().next().value;
      gone.remove();
      this.#turns.delete(oldest);
    }
    this.#follow(true);
  }

  delta(number, text) {
    const turn = this.#turns.get(number);
    if (!turn) return;
    turn.said += text;
    turn.text.lastChild.appendData(text);
    this.#follow();
  }

  /** Numbers go behind a sentence that rests on something. */
  sentence(number, text, numbers) {
    const turn = this.#turns.get(number);
    const begins = turn ? turn.said.indexOf(text, turn.at) : -1;
    if (begins < 0) return;
    turn.at = begins + text.length;
    if (!numbers.length) return;
    const rest = split(turn.text, turn.at);
    rest.before(marks(numbers, turn.found));
    const known = turn.used.size;
    for (const one of numbers) turn.used.add(one);
    if (turn.used.size > known) this.#list(turn);
    this.#follow();
  }

  speaking(number) {
    for (const [other, { root }] of this.#turns) root.classList.toggle("speaking", other === number);
  }

  tool(number, { name, status, result }) {
    const turn = this.#turns.get(number);
    if (!turn) return;
    const label = name.replaceAll("_", " ");
    const words = { started: `Using ${label}…`, done: `${label}: ${result}`, failed: `${label} failed: ${result}` };
    let line = turn.notes.querySelector(`.tool[data-running="${CSS.escape(name)}"]`);
    line ??= turn.notes.appendChild(element("p", "tool"));
    line.dataset.running = status === "started" ? name : "";
    line.textContent = words[status] ?? "";
  }

  sources(number, sources) {
    const turn = this.#turns.get(number);
    if (!turn || !sources.length) return;
    turn.found = sources;
    this.#list(turn);
  }

  clocks(number, clocks) {
    const turn = this.#turns.get(number);
    if (!turn) return;
    turn.notes.querySelector(".clocks")?.remove();
    const list = element("ul", "clocks");
    list.setAttribute("aria-label", "How long it took");
    for (const [name, value] of Object.entries(clocks)) {
      const item = element("li", "", CLOCKS[name] ?? name);
      item.append(element("b", "", `${Math.round(value)} ms`));
      list.append(item);
    }
    if (list.childElementCount) turn.notes.append(list);
    this.#follow();
  }

  /** What was not heard of an interrupted answer fades. */
  ended(number, { outcome, heard }) {
    const turn = this.#turns.get(number);
    if (!turn) return;
    turn.text.removeAttribute("aria-busy");
    turn.root.classList.remove("speaking");
    turn.root.dataset.outcome = outcome;
    if (outcome !== "interrupted") return;
    const lead = turn.said.length - turn.said.trimStart().length;
    const at = turn.said.startsWith(heard, lead) ? lead + heard.length : 0;
    const unheard = element("span", "unheard");
    if (turn.said.slice(at).trim()) unheard.title = "You did not hear this part: I will not count on it.";
    const rest = new Range();
    rest.setStartBefore(split(turn.text, at));
    rest.setEndAfter(turn.text.lastChild);
    rest.surroundContents(unheard);
    turn.notes.prepend(element("p", "tool", "Interrupted"));
  }

  failed(number, message) {
    this.#turns.get(number)?.notes.append(element("p", "failed", message));
    this.#follow();
  }

  #list(turn) {
    const old = turn.notes.querySelector(".sources");
    const now = list(turn.found, turn.used, old?.open ?? false);
    if (old) old.replaceWith(now);
    else turn.notes.prepend(now);
  }

  #add(node) {
    this.welcome.remove();
    this.log.append(node);
    return node;
  }

  /** Keep the newest in view, unless the reader has scrolled up. */
  #follow(always = false) {
    const { scrollHeight, scrollTop, clientHeight } = this.log;
    if (always || scrollHeight - scrollTop - clientHeight < 160) this.log.scrollTop = scrollHeight;
  }
}

/** The text node of `box` that begins `at` characters into its text (numbers not counted), made if need be. */
function split(box, at) {
  for (const node of box.childNodes) {
    if (node.nodeType !== Node.TEXT_NODE) continue;
    if (at <= node.length) return node.splitText(at);
    at -= node.length;
  }
  return box.appendChild(document.createTextNode(""));
}

export function element(name, className = "", text = "") {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}
