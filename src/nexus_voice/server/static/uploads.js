// Documents on their way in: how far each is, and why one failed.

import { ask } from "/static/ask.js";
import { element } from "/static/conversation.js";

const MOST_ROWS = 20; // of one job

export class Uploads {
  #jobs = new Map(); // id -> {rows, done}
  #line = Promise.resolve(); // one stream at a time: browsers allow six connections

  /** `changed` is called when documents have come. */
  constructor(list, changed) {
    this.list = list;
    this.changed = changed;
  }

  /** Jobs that were under way before this page was opened. */
  async find() {
    const { jobs = [] } = await ask("/rag/jobs?limit=10");
    for (const job of jobs.reverse()) if (!job.ended && !this.#jobs.has(job.id)) this.follow(job);
  }

  follow(job) {
    const rows = element("ul", "documents");
    this.list.append(element("li"));
    this.list.lastChild.append(rows);
    this.#jobs.set(job.id, { rows, done: 0 });
    if (job.documents) this.#show(job);
    if (!job.ended) this.#line = this.#line.then(() => this.#watch(job.id));
  }

  /** Until the job has ended. */
  #watch(id) {
    return new Promise((over) => {
      const events = new EventSource(`/rag/jobs/${id}/events`);
      events.addEventListener("job", ({ data }) => {
        const job = JSON.parse(data);
        this.#show(job);
        if (job.ended) events.close();
        if (job.ended) over();
      });
      events.addEventListener("error", () => events.readyState === EventSource.CLOSED && over());
    });
  }

  #show(job) {
    const known = this.#jobs.get(job.id);
    const failed = job.documents.filter((one) => one.error);
    const open = job.documents.filter((one) => !job.ended && ["queued", "running"].includes(one.state));
    const shown = [...failed, ...open.toSorted((a, b) => (b.state === "running") - (a.state === "running"))];
    const rows = shown.slice(0, MOST_ROWS).map((one) => row(one.name, stage(one), Boolean(one.error)));
    const more = shown.length - rows.length;
    if (more > 0) rows.push(row(`and ${more} more`));
    const stopped = job.state === "cancelled" ? "Stopped: " : "";
    const head = row(`${stopped}${job.done} of ${job.total} ${job.total === 1 ? "document" : "documents"} taken in`);
    head.append(job.ended ? this.#button("✕", "Close", job.id) : this.#button("Stop", "Stop taking in", job.id));
    known.rows.replaceChildren(head, ...rows);
    if (job.ended && !failed.length && job.state === "done") this.#close(job.id);
    const stored = job.documents.filter((one) => one.id).length;
    if (stored !== known.done || job.ended) this.changed();
    known.done = stored;
  }

  #button(text, label, id) {
    const button = element("button", "quiet", text);
    button.type = "button";
    button.setAttribute("aria-label", label);
    button.addEventListener("click", async () => {
      if (text !== "Stop") return this.#close(id);
      await ask(`/rag/jobs/${id}`, { method: "DELETE" });
      const job = await ask(`/rag/jobs/${id}`);
      if (!job.error) this.#show(job);
    });
    return button;
  }

  #close(id) {
    this.#jobs.get(id).rows.parentElement.remove();
  }
}

function row(name, note = "", bad = false) {
  const line = element("li");
  const label = element("span", "", name);
  if (note) label.append(element("small", bad ? "failed" : "", note));
  line.append(label);
  return line;
}

function stage({ state, chunks, embedded, error }) {
  if (error) return error.message;
  if (state === "queued") return "waiting";
  return chunks ? `${embedded} of ${chunks} passages` : "being read";
}
