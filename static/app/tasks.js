// Tasks: new ones wait behind a button; a card that somebody else has changed says so. The page works without this.

import { Feed } from "./feed.js";

const POLL = 5_000;
const MINUTE = 60_000;
const CALM = 500;

const tasks = document.querySelector("[data-tasks]");
const words = document.querySelector("#task-words").dataset;
const state = document.querySelector("#live-state");
const button = document.querySelector("#fresh");
const feed = new Feed({ reader: tasks.dataset.reader });
let poll = 0;
let wanted = 0;

function look() {
  wanted ||= setTimeout(fetchPulse, CALM);
}

async function fetchPulse() {
  wanted = 0;
  const cards = [...tasks.querySelectorAll("[data-id]")];
  const known = cards.map((card) => `${card.dataset.id}.${card.dataset.version}`).join("_");
  try {
    const answer = await fetch(`${tasks.dataset.pulse}?known=${known}${"more" in tasks.dataset ? "&more=1" : ""}`, { signal: AbortSignal.timeout(10_000) });
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    show(await answer.json());
    say(feed.state === "live" ? "live" : "polling");
  } catch {
    say("offline");
  }
}

function show(news) {
  button.hidden = news.fresh === 0 || "later" in tasks.dataset;
  button.querySelector("span").textContent = news.fresh_words;
  for (const id of news.changed) {
    const card = tasks.querySelector(`[data-id="${id}"]`);
    if (!card || card.querySelector("[data-told]")) continue;
    const note = document.createElement("p");
    note.className = "strip strip-warn";
    note.dataset.told = "";
    note.textContent = words.changed;
    card.prepend(note);
  }
}

function say(mode) {
  state.className = `live live-${mode === "live" ? "on" : "off"}`;
  if (state.textContent !== words[mode]) state.textContent = words[mode];
}

feed.addEventListener("hint", look);
feed.addEventListener("refresh", look);
feed.addEventListener("state", () => {
  clearInterval(poll);
  if (feed.state !== "live") poll = setInterval(look, POLL);
});
setInterval(look, MINUTE);
document.addEventListener("visibilitychange", () => document.hidden || look());
feed.start();
look();
