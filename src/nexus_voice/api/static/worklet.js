// Runs on the audio thread: gathers the microphone's samples into PCM16 frames of equal length.

class Frames extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.frame = new Int16Array(processorOptions.samples);
    this.filled = 0;
  }

  process([[channel]]) {
    if (!channel) return true; // nothing is connected yet
    for (const sample of channel) {
      this.frame[this.filled++] = Math.max(-1, Math.min(1, sample)) * 32767;
      if (this.filled === this.frame.length) {
        const full = this.frame.slice();
        this.port.postMessage(full.buffer, [full.buffer]);
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("frames", Frames);
