// The user's documents: add, list, move, delete.

import { ask } from "/static/ask.js";
import { Collections, button, replace, sent } from "/static/collections.js";
import { element } from "/static/conversation.js";
import { Uploads } from "/static/uploads.js";

const MOST_FILES = 500; // of one request,
const MOST_BYTES = 80_000_000; // and all of them together

export class Documents {
  /** `chose` is called when the user wants other collections to be looked in. */
  constructor({ section, list, uploads, status, more, again, input, drop, chose, collections, all, into, add }) {
    Object.assign(this, { section, list, status, more, again });
    const say = (...words) => this.#say(...words);
    this.collections = new Collections({ list: collections, all, into, add, say, chose, changed: () => this.#show() });
    this.uploads = new Uploads(uploads, () => this.#show());
    more.addEventListener("click", () => this.#list(more.value));
    again.addEventListener("click", () => this.#readAgain());
    input.addEventListener("change", async () => {
      await this.add(input.files);
      input.value = "";
    });
    for (const type of ["dragover", "dragleave", "drop"]) {
      drop.addEventListener(type, (event) => {
        event.preventDefault();
        drop.classList.toggle("over", type === "dragover");
        if (type === "drop") this.add(event.dataTransfer.files);
      });
    }
  }

  async refresh() {
    await this.#show();
    if (this.section.hidden) return;
    await this.uploads.find();
    const { documents = 0 } = await ask("/rag/refresh");
    this.again.hidden = documents === 0;
    this.again.textContent = `Read ${documents === 1 ? "a document" : `${documents} documents`} again, better`;
  }

  /** What an older version of the reader has read. */
  async #readAgain() {
    this.again.hidden = true;
    const answer = await ask("/rag/refresh", { method: "POST" });
    if (answer.error) return this.#say(answer.error.message, true);
    for (const job of answer.jobs) this.uploads.follow(job);
  }

  async add(files) {
    for (const batch of batches([...files])) {
      const form = new FormData();
      form.append("collection", this.collections.into.value);
      for (const file of batch) form.append("files", file, file.webkitRelativePath || file.name);
      this.#say(batch.length === 1 ? `Sending ${batch[0].name}…` : `Sending ${batch.length} files…`);
      const job = await ask("/rag/ingest", { method: "POST", body: form });
      if (job.error) return this.#say(job.error.message, true);
      this.#say("");
      this.uploads.follow(job);
    }
  }

  async #show() {
    await this.collections.refresh();
    await this.#list();
  }

  /** The first page of documents, or the one after `after`. */
  async #list(after = "") {
    const answer = await ask(`/rag/documents?after=${encodeURIComponent(after)}`);
    this.section.hidden = answer.error?.code === "knowledge_off";
    if (answer.error) return this.#say(answer.error.message, true);
    const rows = answer.documents.map((document) => this.#row(document));
    if (after) this.list.append(...rows);
    else replace(this.list, rows);
    this.more.hidden = answer.next === null;
    this.more.value = answer.next ?? "";
  }

  #row({ id, title, name, chunks, warnings, collection, source }) {
    const row = element("li");
    const label = element("span");
    const link = element("a", "", title);
    Object.assign(link, { href: `${path(id)}/text`, target: "_blank", rel: "noopener", id: `open-${id}` });
    label.append(link);
    label.append(element("small", "", `${name} · ${chunks} ${chunks === 1 ? "passage" : "passages"}`));
    label.append(...warnings.map((text) => element("small", "warning", text)));
    label.append(this.#place(id, title, collection, source));
    row.append(label, button("✕", `Delete ${title}`, `delete-${id}`, () => this.#delete(id, title)));
    return row;
  }

  /** The document's collection. It may be changed, but for the seed's documents, which would come back. */
  #place(id, title, collection, source) {
    if (source === "seed" || !this.collections.writable(collection)) {
      return element("small", "", this.collections.name(collection));
    }
    const select = element("select");
    Object.assign(select, { id: `move-${id}`, ariaLabel: `Collection of ${title}` });
    this.collections.fill(select, collection);
    select.addEventListener("change", () => this.#move(id, title, select.value));
    return select;
  }

  async #move(id, title, collection) {
    const answer = await ask(path(id), sent("PATCH", { collection }));
    if (answer.error) this.#say(answer.error.message, true);
    else this.#say(`${title} moved to ${this.collections.name(collection)}`);
    await this.#show();
  }

  async #delete(id, title) {
    if (!confirm(`Delete “${title}”?`)) return;
    const answer = await ask(path(id), { method: "DELETE" });
    if (answer.error && answer.error.code !== "not_found") this.#say(answer.error.message, true);
    else this.#say(`${title} deleted`);
    await this.refresh();
  }

  #say(text, bad = false) {
    this.status.textContent = text;
    this.status.classList.toggle("failed", bad);
  }
}

function path(id) {
  return `/rag/documents/${encodeURIComponent(id)}`;
}

/** Files in groups that fit into one request each. */
function* batches(files) {
  let batch = [];
  let bytes = 0;
  for (const file of files) {
    if (batch.length === MOST_FILES || (batch.length && bytes + file.size > MOST_BYTES)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(file);
    bytes += file.size;
  }
  if (batch.length) yield batch;
}
