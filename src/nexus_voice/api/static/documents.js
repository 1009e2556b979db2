// The user's documents: add, list, delete.

import { element } from "/static/conversation.js";

export class Documents {
  constructor({ section, list, status, input, drop }) {
    Object.assign(this, { section, list, status });
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
    const answer = await ask("/rag/documents");
    this.section.hidden = answer.error?.code === "knowledge_off";
    if (answer.error) return this.#say(answer.error.message, true);
    this.list.replaceChildren(...answer.documents.map((document) => this.#row(document)));
  }

  async add(files) {
    if (!files.length) return;
    const form = new FormData();
    for (const file of files) form.append("files", file);
    this.#say(files.length === 1 ? `Reading ${files[0].name}…` : `Reading ${files.length} files…`);
    const answer = await ask("/rag/ingest", { method: "POST", body: form });
    if (answer.error) return this.#say(answer.error.message, true);
    const failed = answer.documents.filter((one) => one.error);
    const words = { added: "added", updated: "updated", unchanged: "is known already" };
    const done = answer.documents
      .filter((one) => !one.error)
      .map((one) => `${one.title} ${words[one.status] ?? one.status}`);
    this.#say([...failed.map((one) => one.error.message), ...done].join("\n"), failed.length > 0);
    await this.refresh();
  }

  #row({ id, title, name, chunks }) {
    const row = element("li");
    const label = element("span", "", title);
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

/** The server's JSON, or {error: {code, message}} whatever went wrong. */
export async function ask(url, options) {
  try {
    const response = await fetch(url, options);
    if (response.status === 204) return {};
    return await response.json();
  } catch {
    return { error: { code: "offline", message: "The server does not answer." } };
  }
}
