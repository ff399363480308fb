// The dispatch board: rows stay where they are, what is new waits behind a button, captions stay until signed.

import { Feed } from "./feed.js";
import { areKeysOn, listen, switchKeys } from "./keys.js";
import { Horn } from "./sound.js";

const POLL = 5_000;
const MINUTE = 60_000;
const PATIENCE = 10_000;

const board = document.querySelector("[data-board]");
const words = document.querySelector("#board-words").dataset;
const list = () => document.querySelector("#rows");
const pane = () => document.querySelector("#pane");
const rows = () => [...list().querySelectorAll("[data-id]")];
const strip = document.querySelector("#captions");
const captions = () => [...strip.children];
const versions = (shown) => shown.map((one) => `${one.dataset.id}.${one.dataset.version}`).join("_");
const paneKey = () => (pane()?.dataset.id ? `${pane().dataset.id}.${pane().dataset.version}` : "");
const isCut = () => (document.querySelector("#more") ? [["more", "1"]] : []);
const isFirstPage = !new URLSearchParams(location.search).has("after");
const current = () => list().querySelector("[data-id]:has([aria-current])");

// ---- looking: a hint brings the captions at once; counts, changed rows and how many new ones wait come calmly -----

// One request at a time, the wishes meanwhile as one more; then a rest, the longer the slower the server is.
function calmly(fetchOnce, { rest, factor }) {
  let isBusy = false;
  let isWanted = false;
  let calmUntil = 0;
  async function run() {
    isWanted = false;
    const began = performance.now();
    await fetchOnce(began);
    const ended = performance.now();
    calmUntil = ended + Math.max(rest, factor * (ended - began));
    isBusy = false;
    if (isWanted) start();
  }
  function start() {
    isWanted = true;
    if (isBusy) return;
    isBusy = true;
    setTimeout(run, Math.max(0, calmUntil - performance.now()));
  }
  return start;
}

const glance = calmly(fetchCaptions, { rest: 50, factor: 1 });
const look = calmly(fetchPulse, { rest: 500, factor: 5 });
let seenAt = new Date();

function hear() {
  glance();
  look();
}

async function ask(path, query) {
  const url = new URL(path, location.href);
  url.search = new URLSearchParams([...new URLSearchParams(list().dataset.filters), ["captions", versions(captions())], ...query]);
  const answer = await fetch(url, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(PATIENCE) });
  if (answer.redirected || answer.status === 401) throw new Error("signed out");
  if (!answer.ok) throw new Error(`answer ${answer.status}`);
  return answer.json();
}

async function fetchCaptions(began) {
  try {
    showCaptions((await ask(board.dataset.glance, [])).captions, began);
  } catch {
    // the pulse that follows says what is wrong
  }
}

async function fetchPulse(began) {
  const asked = paneKey();
  try {
    const news = await ask(board.dataset.pulse, [["known", versions(rows())], ["pane", asked], ...isCut()]);
    show(news, began, asked);
    seenAt = new Date();
    sayLive();
  } catch {
    sayStale();
  }
}

function show(news, began, paneAsked) {
  for (const row of news.rows) {
    const old = document.getElementById(`row-${row.id}`);
    if (!old) continue;
    const isCurrent = old === current();
    const hadFocus = old.contains(document.activeElement);
    const fresh = element(row.html);
    if (isCurrent) fresh.querySelector("a").setAttribute("aria-current", "true");
    old.replaceWith(fresh);
    htmx.process(fresh);
    if (hadFocus) fresh.querySelector("a").focus({ preventScroll: true });
  }
  showCaptions(news.captions, began);
  for (const [name, words] of Object.entries(news.counts)) {
    const place = document.querySelector(`[data-count="${name}"]`);
    if (place && place.textContent !== words) place.textContent = words;
  }
  const button = document.querySelector("#fresh");
  button.hidden = news.fresh === 0 || !isFirstPage;
  button.querySelector("span").textContent = news.fresh_words;
  if (news.is_pane_old && paneAsked === paneKey()) refreshPane();
}

let captionsOf = 0;

function showCaptions(news, began) {
  if (began < captionsOf) return;    // a question asked later has been answered already
  captionsOf = began;
  const wanted = new Set(news.map((caption) => String(caption.id)));
  for (const old of captions()) {
    if (!wanted.has(old.dataset.id)) old.remove();
  }
  for (const caption of [...news].reverse()) {
    const old = strip.querySelector(`[data-id="${caption.id}"]`);
    if (old?.dataset.version === String(caption.version)) continue;
    if (!caption.html) { glance(); continue; }    // was here when we asked, and has gone meanwhile
    const fresh = element(caption.html);
    old ? old.replaceWith(fresh) : strip.prepend(fresh);
    htmx.process(fresh);
  }
  document.title = document.title.replace(/^\(\d+\+?\) /, "");
  if (news.length) document.title = `(${news.length}) ${document.title}`;
  horn.wait(news.map((caption) => caption.id));
}

function element(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html.trim();
  return holder.content.firstElementChild;
}

// ---- live or not ----------------------------------------------------------------------------------------------

const state = document.querySelector("#live-state");
const stale = document.querySelector("#stale");
const feed = new Feed({ reader: board.dataset.reader });
let poll = 0;

const clockTime = (at) => at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

function sayLive() {
  stale.hidden = true;
  const mode = feed.state === "live" ? "live" : "polling";
  state.className = `live live-${mode === "live" ? "on" : "off"}`;
  const said = mode === "live" ? words.live : words.polling;
  if (state.textContent !== said) state.textContent = said;
}

function sayStale() {
  stale.hidden = false;
  stale.querySelector("span").textContent = words.stale.replace("{time}", clockTime(seenAt));
  state.className = "live live-off";
  state.textContent = words.offline;
}

feed.addEventListener("hint", hear);
feed.addEventListener("refresh", look);
feed.addEventListener("state", () => {
  clearInterval(poll);
  if (feed.state !== "live") poll = setInterval(look, POLL);
  if (stale.hidden) sayLive();
});
setInterval(look, MINUTE);       // the clocks move, and a lost hint costs a minute
document.addEventListener("visibilitychange", () => document.hidden || look());
stale.querySelector("button").addEventListener("click", look);

// ---- 值守 -----------------------------------------------------------------------------------------------------

const duty = document.querySelector("#duty");
const mute = document.querySelector("#mute");
const blocked = document.querySelector("#sound-blocked");
const horn = new Horn({ onChange: sayDuty });

function sayDuty() {
  duty.setAttribute("aria-pressed", horn.isOnDuty);
  duty.querySelector("span").textContent = horn.isOnDuty ? words.onDuty : words.startDuty;
  mute.hidden = !horn.isOnDuty;
  mute.setAttribute("aria-pressed", horn.isMuted);
  mute.querySelector("span").textContent = horn.isMuted ? words.muted : words.mute;
  blocked.hidden = !horn.isBlocked;
  horn.isOnDuty ? sessionStorage.setItem("grid-duty", "1") : sessionStorage.removeItem("grid-duty");
}

duty.addEventListener("click", () => (horn.isOnDuty && !horn.isBlocked ? horn.stop() : horn.start()));
mute.addEventListener("click", () => horn.mute());
blocked.querySelector("button").addEventListener("click", () => horn.start());
if (sessionStorage.getItem("grid-duty")) horn.start();
duty.hidden = false;

// ---- the pane ---------------------------------------------------------------------------------------------------

function refreshPane() {
  const open = pane();
  if (!open?.dataset.id || open.contains(document.activeElement) && document.activeElement.matches("textarea, input, select")) {
    open?.querySelector("[data-outdated]")?.removeAttribute("hidden");  // somebody is writing: tell, do not take away
    return;
  }
  htmx.ajax("GET", open.dataset.url, { target: "#pane", swap: "outerHTML" });
}

function mark(id) {
  for (const row of rows()) {
    const link = row.querySelector("a");
    row.dataset.id === String(id) ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
  }
}

document.body.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (new URL(xhr.responseURL, location.href).pathname.startsWith("/login/")) {
    event.detail.shouldSwap = false;
    location.reload();
    return;
  }
  if ([403, 404, 409, 422].includes(xhr.status) && xhr.getResponseHeader("X-Pane")) {
    event.detail.shouldSwap = true;    // a refusal is an answer: the pane says what is possible instead
    event.detail.isError = false;
  }
});
document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "queue") return look();
  if (event.detail.target.id !== "pane") return;
  const open = pane();
  htmx.process(open);    // now, not after the swap has settled: a quick key must not meet a plain form
  mark(open.dataset.id);
  board.classList.toggle("has-pane", Boolean(open.dataset.id));
  const said = open.querySelector("[data-said]");
  if (said) said.focus({ preventScroll: false });
  if (event.detail.requestConfig?.verb === "post") hear();
});
for (const failure of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.body.addEventListener(failure, () => {
    const place = pane()?.querySelector("[data-failed]");
    if (!place) return sayStale();
    place.textContent = words.failed;    // what was typed stays where it is
    place.hidden = false;
    place.scrollIntoView({ block: "nearest" });
  });
}

// ---- keys -------------------------------------------------------------------------------------------------------

function step(by) {
  const all = rows();
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const from = at >= 0 ? at : all.indexOf(current());
  const next = all[Math.min(Math.max(from + by, 0), all.length - 1)];
  next?.querySelector("a").focus();
}

const focused = () => rows().find((row) => row.contains(document.activeElement)) ?? current();

// Act in the pane of the row that has the focus; open it first when another one is open.
async function act(selector, how) {
  const row = focused();
  if (row && row.dataset.id !== pane()?.dataset.id) {
    await htmx.ajax("GET", row.querySelector("a").href, { target: "#pane", swap: "outerHTML" });
  }
  const target = pane()?.querySelector(selector);
  if (!target) return;
  target.closest("details")?.setAttribute("open", "");
  how(target);
}

const press = (button) => button.click();
const reach = (field) => { field.scrollIntoView({ block: "center" }); field.focus(); };

function back() {
  const row = current();
  if (document.activeElement.matches("input, textarea, select")) return document.activeElement.blur();
  if (board.classList.contains("has-pane") && matchMedia("(max-width: 60rem)").matches) {
    board.classList.remove("has-pane");
  }
  row?.querySelector("a").focus();
}

const help = document.querySelector("#keys-help");
const keysSwitch = help.querySelector("input");
keysSwitch.checked = areKeysOn();
keysSwitch.addEventListener("change", () => switchKeys(keysSwitch.checked));
document.querySelector("#keys-button").addEventListener("click", () => help.showModal());

listen({
  j: () => step(1),
  k: () => step(-1),
  Enter: () => {
    if (document.activeElement !== document.body) return false;
    current()?.querySelector("a").click();
  },
  Escape: back,
  e: () => act("[data-move=sign] button", press),
  1: () => act("[data-move=assign] [data-submit]", press),
  3: () => act("[data-move=return] textarea", reach),
  n: () => document.querySelector("#fresh:not([hidden])")?.click(),
  "/": () => document.querySelector("#search").focus(),
  "?": () => help.showModal(),
});

sayDuty();
feed.start();
look();
