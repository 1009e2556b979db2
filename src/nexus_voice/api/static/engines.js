// Which engines are in use, and what would be better.

import { ask } from "/static/documents.js";
import { element } from "/static/conversation.js";

const ROLES = { vad: "Notices speech", stt: "Understands", llm: "Answers", tts: "Speaks" };
const NAMES = { extractive: "document quotes", silero: "Silero", energy: "loudness", fake: "scripted engine" };
const BETTER = {
  pocketsphinx: "A small recogniser that runs anywhere. It mishears often: speak clearly and close to the microphone, or type.",
  extractive:
    "Answers in your documents' own sentences. A language model would converse: start the server with NEXUS_LLM__KIND=openai and NEXUS_LLM__BASE_URL set to an OpenAI-compatible server such as Ollama.",
  "espeak-ng": "A clear but robotic voice that needs no download.",
  energy: "Any loud sound counts as speech. NEXUS_VAD__KIND=silero tells speech from noise.",
  fake: "For tests: it always does the same.",
};
const PARTS = { embedder: "document search", knowledge: "documents", stt: "ear", tts: "voice", llm: "answers", vad: "speech detector" };
const ASK_AGAIN = 1_000;

export function showEngines(list, engines) {
  list.replaceChildren();
  for (const [port, name] of Object.entries(engines)) {
    const entry = element("dd", "", NAMES[name] ?? name);
    if (BETTER[name]) entry.append(element("small", "", BETTER[name]));
    list.append(element("dt", "", ROLES[port] ?? port), entry);
  }
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
