// Which engines are in use, and what would be better.

import { ask } from "/static/ask.js";
import { element } from "/static/conversation.js";

const ROLES = { vad: "Notices speech", stt: "Understands", llm: "Answers", tts: "Speaks" };
const NAMES = { extractive: "document quotes", silero: "Silero", energy: "loudness", fake: "scripted engine" };
const PARTS = { embedder: "document search", knowledge: "documents", stt: "ear", tts: "voice", llm: "answers", vad: "speech detector" };
const ASK_AGAIN = 1_000;

/** Every job with the engine that does it now, what is wrong with those before it, and what would be better. */
export async function showEngines(list) {
  const { using = {}, chains = {}, better = [] } = await ask("/engines");
  list.replaceChildren();
  for (const [port, name] of Object.entries(using)) {
    const entry = element("dd", "", NAMES[name] ?? name);
    for (const { name: other, trouble, state } of chains[port] ?? []) {
      if (trouble) entry.append(element("small", "trouble", `${other} rests: ${trouble}`));
      else if (state !== "ready") entry.append(element("small", "trouble", `${other}: ${state}`));
    }
    for (const { message, command } of better.filter((one) => one.port === port)) {
      const advice = element("small", "", `${message} `);
      advice.append(element("code", "", command));
      entry.append(advice);
    }
    list.append(element("dt", "", ROLES[port] ?? port), entry);
  }
}

/** Words for what changed between two turns, or nothing. */
export function changed(before, after) {
  return Object.keys(after)
    .filter((port) => before[port] && before[port] !== after[port])
    .map((port) => `${ROLES[port] ?? port} now: ${NAMES[after[port]] ?? after[port]}`)
    .join("; ");
}

/** Say what is still loading or does not work, until everything is known. */
export async function showWarming(place, done) {
  const { parts = {} } = await ask("/readyz");
  const of = (part) => PARTS[part] ?? part;
  const loading = Object.keys(parts).filter((part) => parts[part] === "warming");
  const broken = Object.entries(parts).filter(([, state]) => state !== "warming" && state !== "ready");
  const lines = broken.map(([part, state]) => `Not working: ${of(part)}. ${state}`);
  if (loading.length) lines.unshift(`Still loading: ${loading.map(of).join(", ")}`);
  place.textContent = lines.join("\n");
  if (loading.length) setTimeout(() => showWarming(place, done), ASK_AGAIN);
  else done();
}
