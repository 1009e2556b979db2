// Documents kept apart: which are looked in, which ones new documents join; to make, rename, delete.

import { ask } from "/static/ask.js";
import { element } from "/static/conversation.js";
import { keep, kept } from "/static/kept.js";

const ALWAYS = ["default", "seed"]; // cannot be deleted
const MOST = 100; // that may be chosen

export class Collections {
  #known = []; // by name, as the server lists them
  #chosen = new Set(kept().collections); // ids that are looked in; none: all

  /** `chose` is called when others are to be looked in, `changed` when documents may have gone. */
  constructor({ list, all, into, add, say, chose, changed }) {
    Object.assign(this, { list, all, into, say, chose, changed });
    all.checked = !this.#chosen.size; // until the server has said which collections there are
    all.addEventListener("change", () => this.#choose([]));
    into.addEventListener("change", () => keep({ into: into.value }));
    add.addEventListener("click", () => this.#create());
  }

  /** Ids of those that are looked in; none: all. */
  get chosen() {
    return [...this.#chosen];
  }

  async refresh() {
    const { collections } = await ask("/rag/collections");
    if (!collections) return; // who asks for the documents next is told why
    const ids = new Set(collections.map(({ id }) => id));
    this.#known = collections;
    if (this.chosen.every((id) => ids.has(id))) this.#show();
    else this.#choose(this.chosen.filter((id) => ids.has(id)));
    this.fill(this.into, this.into.value || kept().into);
    if (!this.into.value) this.fill(this.into, "default");
  }

  /** Offer the collections that documents may be put into; `id` is the one they are in. */
  fill(select, id) {
    const open = this.#known.filter(({ role }) => role !== "reader");
    select.replaceChildren(...open.map(({ name, id }) => new Option(name, id)));
    select.value = id;
  }

  name(id) {
    return this.#known.find((one) => one.id === id)?.name ?? "";
  }

  writable(id) {
    return this.#known.some((one) => one.id === id && one.role !== "reader");
  }

  #choose(ids) {
    if (ids.length > MOST) this.say(`At most ${MOST} collections can be chosen.`, true);
    else this.#chosen = new Set(ids);
    keep({ collections: this.chosen });
    this.#show();
    this.chose();
  }

  #show() {
    this.all.checked = !this.#chosen.size;
    replace(this.list, this.#known.map((one) => this.#row(one)));
  }

  #row({ id, name, documents, role }) {
    const row = element("li");
    const label = element("label", "pick");
    const box = element("input");
    Object.assign(box, { type: "checkbox", id: `search-${id}`, checked: this.#chosen.has(id) });
    box.addEventListener("change", () => {
      this.#choose(box.checked ? [...this.#chosen, id] : this.chosen.filter((one) => one !== id));
    });
    const title = element("span", "", name);
    title.append(element("small", "", count(documents)));
    label.append(box, title);
    row.append(label);
    if (role === "owner") row.append(button("✎", `Rename ${name}`, `rename-${id}`, () => this.#rename(id, name)));
    if (role === "owner" && !ALWAYS.includes(id)) {
      row.append(button("✕", `Delete ${name}`, `remove-${id}`, () => this.#delete(id, name, documents)));
    }
    return row;
  }

  async #create() {
    const name = prompt("Name of the new collection");
    if (!name?.trim()) return;
    const made = await this.#send("", "POST", { name });
    await this.changed();
    if (!made.id) return;
    this.into.value = made.id; // it was made for something
    keep({ into: made.id });
  }

  async #rename(id, old) {
    const name = prompt(`New name of “${old}”`, old);
    if (!name?.trim() || name === old) return;
    await this.#send(`/${id}`, "PATCH", { name });
    await this.changed();
  }

  async #delete(id, name, documents) {
    if (!confirm(`Delete “${name}” and its ${count(documents)}?`)) return;
    await this.#send(`/${id}`, "DELETE");
    await this.changed();
  }

  async #send(path, method, body) {
    const answer = await ask(`/rag/collections${path}`, sent(method, body));
    this.say(answer.error?.message ?? "", Boolean(answer.error));
    return answer;
  }
}

/** What `fetch` wants for JSON. */
export function sent(method, body) {
  return { method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body) };
}

/** Other rows for a list; the focus stays on the control that has the same id. */
export function replace(list, rows) {
  const id = list.contains(document.activeElement) && document.activeElement.id;
  list.replaceChildren(...rows);
  if (id) document.getElementById(id)?.focus();
}

export function button(text, label, id, press) {
  const made = element("button", "quiet", text);
  Object.assign(made, { type: "button", id, ariaLabel: label, title: label });
  made.addEventListener("click", press);
  return made;
}

function count(documents) {
  return documents === 1 ? "1 document" : `${documents} documents`;
}
