// Puts the page together: what the user does goes up, what the server says is shown and played.

import { Connection } from "/static/connection.js";
import { Conversation, element } from "/static/conversation.js";
import { Documents } from "/static/documents.js";
import { changed, showEngines, showWarming } from "/static/engines.js";
import { keep, kept } from "/static/kept.js";
import { Microphone } from "/static/microphone.js";
import { Player } from "/static/player.js";
import { TalkButton } from "/static/talk.js";

const $ = (id) => document.getElementById(id);
const NOTICE = 8_000; // milliseconds an error stays on the page
const DOUBT = 400; // milliseconds the server has to confirm that somebody speaks
const STATES = {
  connecting: "Connecting",
  open: "Connected",
  lost: "Connection lost, trying again",
  replaced: "Continued in another tab",
};

let micRate = 16_000;
let busy = 0; // the turn being answered, 0 when none
let speaking = false; // the microphone hears speech, by the page's own judgement
let doubt = 0; // timer: the server has not confirmed it
let used = {}; // port -> the engine that did the latest turn

const conversation = new Conversation($("log"), $("welcome"));
const microphone = new Microphone(hear);
const player = new Player({
  report: (turn, played_ms) => connection.send({ type: "playback", turn, played_ms }),
  changed: (playing) => conversation.speaking(playing ? player.turn : 0),
});
const connection = new Connection({ hello, onMessage, onAudio: (data) => player.play(data), onState });
const talk = new TalkButton({
  button: $("talk"),
  microphone,
  prepare: openMicrophone,
  begin: () => {
    connection.send({ type: "talk_start" });
    conversation.hearing("");
  },
  end: () => connection.send({ type: "talk_end" }),
  failed: notice,
  keep: () => $("hands-free").checked,
});
const documents = new Documents({
  section: $("documents"),
  list: $("document-list"),
  uploads: $("uploads"),
  more: $("more-documents"),
  again: $("refresh"),
  status: $("documents-status"),
  input: $("files"),
  drop: $("drop"),
  all: $("all-collections"),
  into: $("into"),
  add: $("new-collection"),
  collections: $("collection-list"),
  chose: tell,
});

// --- up -------------------------------------------------------------------------------------

function settings() {
  const [hands_free, knowledge, speak] = ["hands-free", "knowledge", "speak"].map((id) => $(id).checked);
  return { hands_free, knowledge, speak, collections: documents.collections.chosen };
}

function tell() {
  connection.send({ type: "settings", ...settings() });
}

function hello() {
  return { rate: micRate, pauses: true, ...settings() };
}

function hear(frame, speech) {
  if (talk.talking || $("hands-free").checked) connection.sendAudio(frame);
  let peak = 0;
  for (const sample of frame) peak = Math.max(peak, Math.abs(sample));
  $("talk").style.setProperty("--level", Math.sqrt(peak / 32768).toFixed(2));
  if (speech !== speaking) spoke(speech);
}

/** Somebody began or ceased to speak, as far as this page can tell: lower the voice before the server says so,
 * and raise it again when the server does not agree. */
function spoke(speech) {
  speaking = speech;
  $("talk").dataset.speech = speech;
  if (!speech || !$("hands-free").checked) return;
  const { turn } = player;
  player.volume(turn, true);
  clearTimeout(doubt);
  doubt = setTimeout(() => player.volume(turn, false), DOUBT);
}

async function openMicrophone() {
  await microphone.open();
  if (microphone.rate !== micRate) {
    micRate = microphone.rate; // this browser does not resample: say hello again with its rate
    connection.open();
  }
}

function ask(text) {
  if (!text.trim()) return;
  if (!connection.send({ type: "text", text })) notice("Not connected yet. Your question was kept; send it again.");
  else $("text").value = "";
}

function hush() {
  connection.send({ type: "hush" });
}

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  ask($("text").value);
});
$("examples").addEventListener("click", ({ target }) => {
  if (target.matches("button")) ask(target.textContent);
});
$("stop").addEventListener("click", hush);
$("new").addEventListener("click", () => connection.renew());
$("panel-toggle").addEventListener("click", () => {
  const open = document.body.classList.toggle("panel-open");
  $("panel-toggle").setAttribute("aria-expanded", open);
  $("panel-toggle").textContent = open ? "Back" : "Documents & settings";
});
for (const id of ["knowledge", "speak"]) {
  $(id).checked = kept()[id] ?? true;
  $(id).addEventListener("change", () => {
    keep({ [id]: $(id).checked });
    tell();
  });
}
$("hands-free").addEventListener("change", async () => {
  if ($("hands-free").checked) {
    try {
      await openMicrophone();
    } catch (error) {
      $("hands-free").checked = false;
      notice(error.message);
    }
  } else {
    microphone.close();
  }
  $("talk").dataset.handsFree = $("hands-free").checked;
  tell();
});
for (const type of ["pointerdown", "keydown"]) addEventListener(type, () => player.unlock());
addEventListener("keydown", ({ key }) => key === "Escape" && hush());

// --- down -----------------------------------------------------------------------------------

const handlers = {
  ready({ engines, resumed }) {
    if (!resumed) conversation.clear();
    using(engines);
  },
  onset: () => conversation.hearing(""),
  partial: ({ text }) => conversation.hearing(text),
  final({ turn, text }) {
    if (!turn) return conversation.nothing();
    conversation.question(turn, text);
    answering(turn);
  },
  delta: ({ turn, text }) => conversation.delta(turn, text),
  sentence: ({ turn, text, sources }) => conversation.sentence(turn, text, sources),
  sources: ({ turn, sources }) => conversation.sources(turn, sources),
  tool: ({ turn, ...tool }) => conversation.tool(turn, tool),
  audio_start: ({ turn, rate }) => player.start(turn, rate),
  duck({ turn }) {
    clearTimeout(doubt);
    player.volume(turn, true);
  },
  unduck({ turn }) {
    player.volume(turn, false);
    conversation.nothing();
  },
  pause: ({ turn }) => player.pause(turn),
  resume({ turn, at_ms }) {
    player.resume(turn, at_ms);
    conversation.nothing();
  },
  flush: ({ turn }) => player.flush(turn),
  metrics({ turn, clocks, engines }) {
    conversation.clocks(turn, clocks);
    using({ ...used, ...engines });
  },
  ended({ turn, ...end }) {
    conversation.ended(turn, end);
    if (turn === busy) answering(0);
  },
  warning: ({ message }) => notice(message),
  error({ turn, message }) {
    if (turn) conversation.failed(turn, message);
    else {
      conversation.nothing();
      notice(message);
    }
  },
};

function onMessage(message) {
  handlers[message.type]?.(message);
}

function onState(state) {
  $("status").dataset.state = state;
  $("status-text").textContent = STATES[state];
  if (state === "open") return documents.refresh();
  player.flush(player.turn);
  if (busy) conversation.ended(busy, { outcome: "failed", heard: "" });
  answering(0);
  conversation.nothing();
}

/** Show the engines in use, and say so when others have taken over. */
function using(engines) {
  if (JSON.stringify(engines) === JSON.stringify(used)) return;
  const news = changed(used, engines);
  if (news) notice(news);
  used = engines;
  showEngines($("engines"));
}

function answering(turn) {
  busy = turn;
  $("stop").hidden = !turn;
}

function notice(text) {
  const line = element("p", "notice", text);
  $("notices").replaceChildren(line);
  setTimeout(() => line.remove(), NOTICE);
}

connection.open();
showWarming($("warming"), () => documents.refresh());
