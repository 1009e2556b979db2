// The user's documents: add, list, delete.

import { ask } from "/static/ask.js";
import { element } from "/static/conversation.js";
import { Uploads } from "/static/uploads.js";

const MOST_FILES = 500; // of one request,
const MOST_BYTES = 80_000_000; // and all of them together

export class Documents {
  constructor({ section, list, uploads, status, more, input, drop }) {
    Object.assign(this, { section, list, status, more });
    this.uploads = new Uploads(uploads, () => this.#list());
    more.addEventListener("click", () => this.#list(more.value));
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
    await this.#list();
    if (!this.section.hidden) await this.uploads.find();
  }

  async add(files) {
    for (const batch of batches([...files])) {
      const form = new FormData();
      for (const file of batch) form.append("files", file, file.webkitRelativePath || file.name);
      this.#say(batch.length === 1 ? `Sending ${batch[0].name}…` : `Sending ${batch.length} files…`);
      const job = await ask("/rag/ingest", { method: "POST", body: form });
      if (job.error) return this.#say(job.error.message, true);
      this.#say("");
      this.uploads.follow(job);
    }
  }

  /** The first page of documents, or the one after `after`. */
  async #list(after = "") {
    const answer = await ask(`/rag/documents?after=${encodeURIComponent(after)}`);
    this.section.hidden = answer.error?.code === "knowledge_off";
    if (answer.error) return this.#say(answer.error.message, true);
    const rows = answer.documents.map((document) => this.#row(document));
    if (after) this.list.append(...rows);
    else this.list.replaceChildren(...rows);
    this.more.hidden = answer.next === null;
    this.more.value = answer.next ?? "";
  }

  #row({ id, title, name, chunks }) {
    const row = element("li");
    const label = element("span");
    const link = element("a", "", title);
    Object.assign(link, { href: `/rag/documents/${encodeURIComponent(id)}/text`, target: "_blank", rel: "noopener" });
    label.append(link);
    label.append(element("small", "", `${name} · ${chunks} ${chunks === 1 ? "passage" : "passages"}`));
    const button = element("button", "quiet", "✕");
    button.type = "button";
    button.setAttribute("aria-label", `Delete ${title}`);
    button.addEventListener("click", () => this.#delete(id, title, button));
    row.append(label, button);
    return row;
  }

  async #delete(id, title, button) {
    if (!confirm(`Delete “${title}”?`)) return;
    button.disabled = true;
    const answer = await ask(`/rag/documents/${encodeURIComponent(id)}`, { method: "DELETE" });
    if (answer.error && answer.error.code !== "not_found") this.#say(answer.error.message, true);
    else this.#say(`${title} deleted`);
    await this.refresh();
  }

  #say(text, bad = false) {
    this.status.textContent = text;
    this.status.classList.toggle("failed", bad);
  }
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
