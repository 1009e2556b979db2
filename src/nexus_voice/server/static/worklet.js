// Runs on the audio thread: gathers the microphone's samples into PCM16 frames of equal length, and says
// at once whether somebody seems to speak. The server decides; this only shows, and lowers the voice early.

const ABOVE = 3.5; // times the noise floor: 11 dB
const FAINTEST = 0.006; // of full scale, -44 dBFS: quieter is never speech
const RISE = 1.004; // of the floor a frame: 3 dB in two seconds
const CERTAIN = 3; // loud frames in a row that begin speech
const HOLD = 12; // quiet frames that end it

class Voice {
  floor = FAINTEST;
  loud = 0;
  left = 0;

  /** Whether speech goes on, given the frame's RMS (full scale 1). */
  hear(rms) {
    this.floor = Math.max(1e-4, Math.min(this.floor * RISE, rms));
    this.loud = rms > Math.max(FAINTEST, ABOVE * this.floor) ? this.loud + 1 : 0;
    this.left = this.loud >= CERTAIN ? HOLD : Math.max(0, this.left - 1);
    return this.left > 0;
  }
}

class Frames extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.frame = new Int16Array(processorOptions.samples);
    this.filled = this.energy = 0;
    this.voice = new Voice();
  }

  process([[channel]]) {
    if (!channel) return true; // nothing is connected yet
    for (const sample of channel) {
      this.frame[this.filled++] = Math.max(-1, Math.min(1, sample)) * 32767;
      this.energy += sample * sample;
      if (this.filled === this.frame.length) this.send();
    }
    return true;
  }

  send() {
    const { buffer } = this.frame.slice();
    const speech = this.voice.hear(Math.sqrt(this.energy / this.filled));
    this.port.postMessage({ buffer, speech }, [buffer]);
    this.filled = this.energy = 0;
  }
}

registerProcessor("frames", Frames);
