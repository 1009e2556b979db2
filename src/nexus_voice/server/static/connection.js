// The one WebSocket: comes back by itself when it is lost, and goes on with the same conversation.

const KEPT = "nexus-session"; // {session_id, token} in sessionStorage: this tab's conversation
const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;
const PING_EVERY = 10_000;
const REPLACED = 4009;
const MOST_BUFFERED = 200_000; // bytes of audio waiting to be sent: a dead line, not a slow one

export class Connection {
  #socket = null;
  #wait = FIRST_WAIT;
  #timer = 0;
  #heardAt = 0;

  /**
   * `hello()` gives the first message's fields; `onMessage(message)`, `onAudio(ArrayBuffer)` get what
   * comes; `onState(state)` is told "connecting", "open", "lost" or "replaced".
   */
  constructor({ hello, onMessage, onAudio, onState }) {
    Object.assign(this, { hello, onMessage, onAudio, onState });
    addEventListener("online", () => this.#socket ?? this.open());
    setInterval(() => this.#check(), PING_EVERY);
  }

  open() {
    clearTimeout(this.#timer);
    this.#leave();
    this.onState("connecting");
    const url = new URL("/ws/voice", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = (this.#socket = new WebSocket(url));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#heardAt = Date.now();
      this.send({ type: "hello", ...this.hello(), ...kept() });
    };
    socket.onmessage = ({ data }) => {
      this.#heardAt = Date.now();
      if (typeof data !== "string") return this.onAudio(data);
      const message = JSON.parse(data);
      if (message.type === "ready") this.#ready(message);
      this.onMessage(message);
    };
    socket.onclose = ({ code }) => this.#lost(code);
  }

  /** Start a new conversation. */
  renew() {
    sessionStorage.removeItem(KEPT);
    this.open();
  }

  /** Whether the message could be sent. */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  sendAudio(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    if (this.#socket.bufferedAmount < MOST_BUFFERED) this.#socket.send(frame);
  }

  #ready({ session_id, token }) {
    this.#wait = FIRST_WAIT;
    sessionStorage.setItem(KEPT, JSON.stringify({ session_id, token }));
    this.onState("open");
  }

  #lost(code) {
    this.#leave();
    if (code === REPLACED) return this.onState("replaced");
    this.onState("lost");
    this.#timer = setTimeout(() => this.open(), this.#wait * (0.75 + Math.random() / 2));
    this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT);
  }

  #leave() {
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  /** A network that went away says nothing: ask, and give up on a silent line. */
  #check() {
    if (!this.send({ type: "ping" })) return;
    if (Date.now() - this.#heardAt > 2.5 * PING_EVERY) this.#lost(1006);
  }
}

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}
