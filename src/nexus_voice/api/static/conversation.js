// The conversation on the page. Everything that others wrote enters it as text, never as markup.

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
  #turns = new Map(); // number -> {root, answer, text, notes, clocks}
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
    this.#turns.get(number)?.text.firstChild.appendData(text);
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
    turn.notes.querySelector(".sources")?.remove();
    const box = element("details", "sources");
    const titles = [...new Set(sources.map((source) => source.title))];
    box.append(element("summary", "", `From ${titles.join(", ")}`));
    for (const source of sources) {
      const where = [source.title, ...source.path].join(" › ") + (source.page ? `, page ${source.page}` : "");
      box.append(element("p", "where", where), element("blockquote", "", source.text));
    }
    turn.notes.prepend(box);
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
    const all = turn.text.textContent;
    const lead = all.length - all.trimStart().length;
    const at = all.startsWith(heard, lead) ? lead + heard.length : 0;
    const unheard = element("span", "unheard", all.slice(at));
    if (all.slice(at).trim()) unheard.title = "You did not hear this part: I will not count on it.";
    turn.text.replaceChildren(all.slice(0, at), unheard);
    turn.notes.prepend(element("p", "tool", "Interrupted"));
  }

  failed(number, message) {
    this.#turns.get(number)?.notes.append(element("p", "failed", message));
    this.#follow();
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

export function element(name, className = "", text = "") {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}
