// 嘟嘟: two beeps of 160 ms, made by the browser, no file. Unlocked by a press on 开始值守, as browsers demand.

const BEEP_SECONDS = 0.16;
const GAP_SECONDS = 0.14;
const PITCH = 784;
const AGAIN = 30_000;
const MUTE = 10 * 60_000;

export class Horn {
  constructor({ onChange }) {
    this.onChange = onChange;
    this.context = null;
    this.isOnDuty = false;
    this.mutedUntil = 0;
    this.waiting = new Set();
    setInterval(() => this.#again(), 1_000);
    this.soundedAt = 0;
  }

  get isBlocked() { return this.isOnDuty && this.context?.state !== "running"; }
  get isMuted() { return Date.now() < this.mutedUntil; }

  async start() {
    this.isOnDuty = true;
    this.context ??= new AudioContext();
    this.context.onstatechange = () => this.onChange();
    await Promise.race([this.context.resume(), new Promise((done) => setTimeout(done, 300))]);
    this.onChange();
    this.#sound();
  }

  stop() {
    this.isOnDuty = false;
    this.mutedUntil = 0;
    this.onChange();
  }

  mute() {
    this.mutedUntil = this.isMuted ? 0 : Date.now() + MUTE;
    this.onChange();
  }

  // `keys` names everything that waits to be signed; a name not heard of before sounds at once.
  wait(keys) {
    const isNews = [...keys].some((key) => !this.waiting.has(key));
    this.waiting = new Set(keys);
    if (isNews) this.#sound();
  }

  #again() {
    if (this.mutedUntil && !this.isMuted) {
      this.mutedUntil = 0;
      this.onChange();
    }
    if (Date.now() - this.soundedAt >= AGAIN) this.#sound();
  }

  #sound() {
    if (!this.isOnDuty || this.isBlocked || this.isMuted || this.waiting.size === 0) return;
    this.soundedAt = Date.now();
    const start = this.context.currentTime + 0.02;
    this.#beep(start);
    this.#beep(start + BEEP_SECONDS + GAP_SECONDS);
  }

  #beep(at) {
    const tone = this.context.createOscillator();
    const volume = this.context.createGain();
    tone.type = "triangle";
    tone.frequency.value = PITCH;
    volume.gain.setValueAtTime(0.0001, at);
    volume.gain.exponentialRampToValueAtTime(0.5, at + 0.01);
    volume.gain.setValueAtTime(0.5, at + BEEP_SECONDS - 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + BEEP_SECONDS);
    tone.connect(volume).connect(this.context.destination);
    tone.start(at);
    tone.stop(at + BEEP_SECONDS);
  }
}
