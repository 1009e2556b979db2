// The microphone as PCM16 frames of 20 ms.

const WANTED_RATE = 16_000;
const FRAME = 0.02; // seconds

export class Microphone {
  rate = WANTED_RATE; // of the frames, in Hz; known for certain once open
  #opening = null;
  #stream = null;
  #context = null;

  /** `onFrame(Int16Array, speech)` gets every frame while the microphone is open, and whether it sounds like speech. */
  constructor(onFrame) {
    this.onFrame = onFrame;
  }

  get isOpen() {
    return this.#context !== null;
  }

  /** Ask for the microphone, once. Rejects with a message for the user. */
  open() {
    this.#opening ??= this.#open().catch((error) => {
      this.close();
      throw new Error(explain(error));
    });
    return this.#opening;
  }

  async #open() {
    if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("", "SecurityError");
    this.#stream = await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
    const [context, source] = this.#connect();
    await context.audioWorklet.addModule("/static/worklet.js");
    this.rate = context.sampleRate;
    const frames = new AudioWorkletNode(context, "frames", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { samples: Math.round(this.rate * FRAME) },
    });
    frames.port.onmessage = ({ data: { buffer, speech } }) => this.onFrame(new Int16Array(buffer), speech);
    source.connect(frames);
    await context.resume();
    this.#context = context;
  }

  #connect() {
    // Some browsers refuse to resample a microphone: then its own rate is declared to the server.
    for (const options of [{ sampleRate: WANTED_RATE }, {}]) {
      const context = new AudioContext(options);
      try {
        return [context, context.createMediaStreamSource(this.#stream)];
      } catch (error) {
        context.close();
        if (!options.sampleRate) throw error;
      }
    }
  }

  close() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#context?.close();
    this.#stream = this.#context = this.#opening = null;
  }
}

function explain(error) {
  switch (error.name) {
    case "NotAllowedError":
      return "The microphone is blocked. Allow it in the browser's address bar, then try again.";
    case "NotFoundError":
      return "No microphone was found. Plug one in, or type your question.";
    case "NotReadableError":
      return "The microphone is used by another program.";
    case "SecurityError":
      return "Browsers give the microphone only to https pages and to http://127.0.0.1. Typing works.";
    default:
      return `The microphone does not work: ${error.message || error.name}`;
  }
}
