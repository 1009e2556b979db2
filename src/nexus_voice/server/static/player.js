// Plays one turn's audio as it arrives, without gaps, and knows how much of it was heard.

const HEAD_START = 0.03; // seconds between the first samples and their sound
const FADE = 0.01; // seconds to silence without a click
const DUCKED = 0.2;
const REPORT_EVERY = 250; // milliseconds

export class Player {
  turn = 0;
  #flushed = 0;
  #context = null;
  #gain = null; // this turn's volume
  #live = new Set(); // scheduled sources
  #spans = []; // [start, length] of what is not yet fully heard, in the context's seconds
  #heard = 0; // seconds of the spans before those
  #next = 0; // when the next samples are due
  #timer = 0;
  #fading = false; // the next samples begin in the middle of a sentence

  /** `report(turn, milliseconds)` says what was heard; `changed(playing)` when sound begins or ends. */
  constructor({ report, changed }) {
    this.report = report;
    this.changed = changed;
  }

  /** Browsers let a page make sound once its user has touched it: call this then. */
  unlock() {
    this.#contextAt(this.#context?.sampleRate ?? 22_050).resume();
  }

  /** Audio of `turn` follows, at `rate` Hz. */
  start(turn, rate) {
    if (turn <= this.#flushed) return;
    if (turn !== this.turn || rate !== this.#context?.sampleRate) this.#drop();
    if (turn !== this.turn) this.#heard = 0;
    this.turn = turn;
    const context = this.#contextAt(rate);
    context.resume();
    this.#gain ??= connected(new GainNode(context), context.destination);
  }

  /** Samples (ArrayBuffer of PCM16) of the turn that started last. */
  play(data) {
    if (!this.#gain) return; // flushed: what was still on its way
    const samples = new Int16Array(data, 0, data.byteLength >> 1);
    if (!samples.length) return;
    const context = this.#context;
    const buffer = context.createBuffer(1, samples.length, context.sampleRate);
    const channel = buffer.getChannelData(0);
    for (let i = 0; i < samples.length; i++) channel[i] = samples[i] / 32768;
    const source = connected(new AudioBufferSourceNode(context, { buffer }), this.#gain);
    const start = Math.max(this.#next, context.currentTime + (this.#live.size ? 0 : HEAD_START));
    source.onended = () => {
      source.disconnect();
      if (this.#live.delete(source) && !this.#live.size) this.#fellSilent();
    };
    if (this.#fading) {
      this.#gain.gain.setValueAtTime(0, start).linearRampToValueAtTime(1, start + FADE);
      this.#fading = false;
    }
    source.start(start);
    this.#live.add(source);
    this.#spans.push([start, buffer.duration]);
    this.#next = start + buffer.duration;
    if (!this.#timer) {
      this.#timer = setInterval(() => this.#say(), REPORT_EVERY);
      this.changed(true);
    }
  }

  /** Lower the voice, or raise it again. */
  volume(turn, ducked) {
    if (turn !== this.turn || !this.#gain) return;
    const now = this.#context.currentTime;
    this.#gain.gain.cancelScheduledValues(now);
    this.#gain.gain.setTargetAtTime(ducked ? DUCKED : 1, now, ducked ? 0.02 : 0.08);
  }

  /** Silence at once, for the time being. What was not played is sent again after `resume`. */
  pause(turn) {
    if (turn !== this.turn || !this.#gain) return;
    this.#advance();
    this.report(turn, this.#position());
    this.#drop();
  }

  /** The samples that follow begin `at` milliseconds into the turn's audio. */
  resume(turn, at) {
    if (turn !== this.turn || turn <= this.#flushed) return;
    this.#drop();
    this.#heard = at / 1000;
    this.#gain = connected(new GainNode(this.#context), this.#context.destination);
    this.#fading = true;
  }

  /** Silence at once; nothing of this turn is ever played again. */
  flush(turn) {
    this.#flushed = Math.max(this.#flushed, turn);
    if (turn !== this.turn) return;
    this.#advance();
    this.report(turn, this.#position());
    this.#drop();
  }

  #contextAt(rate) {
    if (this.#context?.sampleRate !== rate) {
      this.#context?.close();
      // At the voice's own rate no piece is resampled by itself, so there are no seams.
      this.#context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
      this.#gain = null;
      this.#next = 0;
    }
    return this.#context;
  }

  /** Forget everything that was scheduled. */
  #drop() {
    clearInterval(this.#timer);
    const playing = this.#timer !== 0;
    this.#timer = 0;
    const gain = this.#gain;
    if (gain) {
      const end = this.#context.currentTime + FADE;
      gain.gain.cancelScheduledValues(0);
      gain.gain.setTargetAtTime(0, this.#context.currentTime, FADE / 4);
      for (const source of this.#live) {
        source.onended = () => source.disconnect();
        source.stop(end);
      }
      setTimeout(() => gain.disconnect(), 50);
    }
    this.#live.clear();
    this.#spans = [];
    this.#gain = null;
    this.#next = 0;
    if (playing) this.changed(false);
  }

  #fellSilent() {
    // The last samples are still on their way through the sound card.
    const latency = this.#context.outputLatency || 0;
    setTimeout(() => {
      if (this.#live.size) return;
      this.#say();
      clearInterval(this.#timer);
      if (this.#timer) this.changed(false);
      this.#timer = 0;
    }, 1000 * latency + 5);
  }

  #say() {
    this.#advance();
    this.report(this.turn, this.#position());
  }

  /** What the speakers are playing now, in the context's time. */
  get #now() {
    return this.#context.currentTime - (this.#context.outputLatency || 0);
  }

  /** Count the spans that have been heard in full. */
  #advance() {
    while (this.#spans.length && this.#now >= this.#spans[0][0] + this.#spans[0][1]) {
      this.#heard += this.#spans.shift()[1];
    }
  }

  /** Milliseconds of this turn that were heard. */
  #position() {
    const [start, length] = this.#spans[0] ?? [0, 0];
    const part = length ? Math.max(0, Math.min(this.#now - start, length)) : 0;
    return Math.round(1000 * (this.#heard + part));
  }
}

function connected(node, to) {
  node.connect(to);
  return node;
}
