// The live feed in the browser: one stream for all tabs (Web Locks choose the tab, a BroadcastChannel tells the others).
// A hint only says that something changed; the page fetches rows itself. Events of a Feed:
//   hint     {issue, version, kind}    something the reader may see has changed
//   refresh  nothing                   hints may be missing: read everything again
//   state    "live" | "polling" | "connecting"

const SILENCE = 40_000;          // the server beats every 15 s; longer silence is a dead connection
const LEASE = 6_000;
const FAILURES_ALLOWED = 2;
const REOPEN = [1_000, 2_000, 5_000, 10_000];

export class Feed extends EventTarget {
  constructor({ url = "/live/", reader = "" } = {}) {
    super();
    this.url = url;
    this.name = `grid-feed-${reader}`;
    this.state = "connecting";
    this.lastId = "";
    this.failures = 0;
    this.heard = Date.now();
    this.isLeader = false;
  }

  start() {
    this.channel = "BroadcastChannel" in window ? new BroadcastChannel(this.name) : null;
    if (this.channel) this.channel.onmessage = (event) => this.#follow(event.data);
    addEventListener("pagehide", () => {
      this.#close();
      if (this.me && this.isLeader) localStorage.removeItem(this.name);
    });
    addEventListener("pageshow", (event) => event.persisted && location.reload());
    setInterval(() => this.#watch(), 5_000);
    if (!this.channel) {
      this.#lead();
      return;
    }
    if (navigator.locks) {
      navigator.locks.request(this.name, () => { this.#lead(); return new Promise(() => {}); });
    } else {
      this.me = String(crypto.getRandomValues(new Uint32Array(1))[0]);
      this.#contend();
      setInterval(() => this.#contend(), LEASE / 3);
    }
    this.channel.postMessage({ type: "hello" });
  }

  // Plain HTTP has no locks: a lease in the storage instead. Two leaders for a moment do no harm, seven for ever would:
  // a browser opens six connections to a site and no more.
  #contend() {
    const [holder, until] = (localStorage.getItem(this.name) ?? " 0").split(" ");
    if (holder === this.me || Number(until) < Date.now()) {
      localStorage.setItem(this.name, `${this.me} ${Date.now() + LEASE}`);
      if (!this.isLeader) this.#lead();
    } else if (this.isLeader) {
      this.isLeader = false;
      this.#close();
    }
  }

  #lead() {
    this.isLeader = true;
    this.#open();
  }

  #open() {
    this.#close();
    const after = this.lastId ? `?after=${encodeURIComponent(this.lastId)}` : "";
    const source = new EventSource(this.url + after);
    this.source = source;
    this.heard = Date.now();
    source.onopen = () => { this.failures = 0; this.#hear(); this.#say({ type: "state", state: "live" }); this.#say({ type: "refresh" }); };
    source.onmessage = (event) => {
      this.#hear();
      this.#say({ type: "hint", id: event.lastEventId, hint: JSON.parse(event.data) });
    };
    source.addEventListener("beat", () => { this.#hear(); this.#say({ type: "beat" }); });
    source.addEventListener("trouble", () => { this.#hear(); this.#say({ type: "state", state: "polling" }); });
    for (const name of ["recovered", "reset"]) {
      source.addEventListener(name, () => {
        this.#hear();
        this.#say({ type: "state", state: "live" });
        this.#say({ type: "refresh" });
      });
    }
    source.onerror = () => this.#fail();
  }

  // The browser reconnects by itself after a broken connection, but never after an answer like 503: both count.
  #fail() {
    this.failures += 1;
    this.#say({ type: "state", state: this.failures >= FAILURES_ALLOWED ? "polling" : "connecting" });
    if (!this.source || this.source.readyState === EventSource.CLOSED) {
      clearTimeout(this.reopening);
      this.reopening = setTimeout(() => this.#open(), REOPEN[Math.min(this.failures, REOPEN.length) - 1]);
    }
  }

  #watch() {
    if (Date.now() - this.heard < SILENCE) return;
    if (this.isLeader) {
      this.#close();
      this.#fail();
    } else {
      this.#tell({ type: "state", state: "polling" });
    }
  }

  #hear() { this.heard = Date.now(); }

  #close() {
    clearTimeout(this.reopening);
    this.source?.close();
    this.source = null;
  }

  #say(news) {
    this.channel?.postMessage(news);
    this.#tell(news);
  }

  #follow(news) {
    this.heard = Date.now();
    if (news.type === "hello") {
      if (this.isLeader) this.channel.postMessage({ type: "state", state: this.state });
    } else if (!this.isLeader) {
      this.#tell(news);
    }
  }

  #tell(news) {
    if (news.type === "hint") {
      this.lastId = news.id || this.lastId;
      this.dispatchEvent(new CustomEvent("hint", { detail: news.hint }));
    } else if (news.type === "refresh") {
      this.dispatchEvent(new CustomEvent("refresh"));
    } else if (news.type === "state" && news.state !== this.state) {
      this.state = news.state;
      this.dispatchEvent(new CustomEvent("state", { detail: news.state }));
    }
  }
}
