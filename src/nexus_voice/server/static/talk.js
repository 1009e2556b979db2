// The talk button: hold it with mouse, finger or the space bar.

const TAIL = 120; // milliseconds still listened to after the button is let go: people let go early
const KEEP_OPEN = 60_000; // the microphone closes after this long without use

export class TalkButton {
  #held = false;
  #talking = false;
  #timer = 0;

  /** `begin()` is called once the microphone runs and the button is still held; `end()` after that. */
  constructor({ button, microphone, prepare, begin, end, failed, keep }) {
    Object.assign(this, { button, microphone, prepare, begin, end, failed, keep });
    button.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      button.setPointerCapture(event.pointerId);
      this.press();
    });
    for (const type of ["pointerup", "pointercancel"]) button.addEventListener(type, () => this.release());
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    addEventListener("keydown", (event) => {
      if (event.code !== "Space" || !this.#mine(event.target)) return;
      event.preventDefault();
      if (!event.repeat) this.press();
    });
    addEventListener("keyup", (event) => {
      if (event.code !== "Space" || !this.#held) return;
      event.preventDefault();
      this.release();
    });
    addEventListener("blur", () => this.release());
  }

  get talking() {
    return this.#talking;
  }

  async press() {
    if (this.#held) return;
    this.#held = true;
    clearTimeout(this.#timer);
    this.button.dataset.state = "opening";
    try {
      await this.prepare();
    } catch (error) {
      this.#held = false;
      this.button.dataset.state = "";
      return this.failed(error.message);
    }
    if (!this.#held || this.#talking) return this.#rest(); // let go while the browser asked for permission
    this.#talking = true;
    this.button.dataset.state = "talking";
    this.begin();
  }

  release() {
    if (!this.#held) return;
    this.#held = false;
    if (!this.#talking) return;
    setTimeout(() => {
      this.#talking = false;
      this.#rest();
      this.end();
    }, TAIL);
  }

  #rest() {
    if (!this.#talking) this.button.dataset.state = "";
    this.#timer = setTimeout(() => this.keep() || this.microphone.close(), KEEP_OPEN);
  }

  /** Space belongs to whatever control has the focus, except to the talk button. */
  #mine(target) {
    return target === this.button || !target.closest("input, textarea, button, summary, select, a, label");
  }
}
