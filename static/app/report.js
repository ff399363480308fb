// The report form. It works without this file; with it photos shrink on the phone, the place is found, and what was
// typed survives a closed page.
import { findMe } from "./geo.js";
import { shrink } from "./shrink.js";

const form = document.getElementById("report");
const words = form.dataset;
document.documentElement.classList.add("js");

/* photos: each file input keeps its own shrunk picture, so the plain form post carries it */
const shots = [...form.querySelectorAll(".shot")];
let busy = Promise.resolve();

const keep = (input, file) => {
  try {
    const box = new DataTransfer();
    box.items.add(file);
    input.files = box.files;
  } catch {
    /* an old browser sends the large original */
  }
};

const show = (shot, file) => {
  const picture = shot.querySelector("img");
  URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(file);
  shot.classList.add("taken");
  shots[shots.indexOf(shot) + 1]?.removeAttribute("hidden");
};

const take = async (shot) => {
  const input = shot.querySelector("input");
  const original = input.files[0];
  if (!original) return;
  say(words.shrinking);
  const small = await shrink(original);
  if (small !== original) keep(input, small);
  show(shot, small);
  say(words.photoReady);
};

const taken = (shot) => {
  busy = busy.then(() => take(shot)).catch(() => say(""));
  if (!located) locate();
};

shots.forEach((shot, number) => {
  shot.hidden = number > 0 && !shots[number - 1].classList.contains("taken");
  shot.addEventListener("change", () => taken(shot));
});

/* the place: asked at the first photo or by the button, never on load */
const place = document.getElementById("place-found");
const status = document.getElementById("report-status");
let located = false;

function say(text) {
  status.textContent = text;
}

const nameOf = async (here) => {
  const body = new FormData(form);
  const ask = new URLSearchParams({ lon: here.lon, lat: here.lat, csrfmiddlewaretoken: body.get("csrfmiddlewaretoken") });
  try {
    const answer = await fetch(words.locate, { method: "POST", body: ask });
    return answer.ok ? (await answer.json()).sentence : "";
  } catch {
    return "";
  }
};

async function locate() {
  located = true;
  place.textContent = words.locating;
  const here = await findMe();
  if (!here) {
    place.textContent = words.notFound;
    located = false;
    return;
  }
  form.elements.lon.value = here.lon;
  form.elements.lat.value = here.lat;
  form.elements.accuracy.value = Math.round(here.accuracy);
  const within = words.within.replace("{m}", Math.max(1, Math.round(here.accuracy)));
  place.textContent = within;
  const name = await nameOf(here);
  if (name) place.textContent = `${name} ${within}`;
}

const button = document.getElementById("locate");
button.hidden = false;
button.addEventListener("click", locate);

/* who says "elsewhere" means it: a position found before must not speak against it */
form.addEventListener("change", ({ target }) => {
  if (target.name !== "grid") return;
  for (const name of ["lon", "lat", "accuracy"]) form.elements[name].value = "";
  place.textContent = "";
});

/* what was typed: kept per person on this phone until it has been filed */
const shelf = `report:${words.person}`;
const KEPT = ["category", "text", "result", "is_solved", "is_urgent"];

const remember = () => {
  const values = Object.fromEntries([...new FormData(form)].filter(([name]) => KEPT.includes(name)));
  try {
    localStorage.setItem(shelf, JSON.stringify(values));
  } catch {
    /* full or forbidden: nothing depends on it */
  }
};

const restore = () => {
  let values = {};
  try {
    values = JSON.parse(localStorage.getItem(shelf) || "{}") || {};
  } catch {
    return;
  }
  for (const name of KEPT) {
    const field = form.elements[name];
    if (values[name] === undefined || !field) continue;
    if (field instanceof RadioNodeList) field.value = values[name];
    else if (field.type === "checkbox") field.checked = true;
    else field.value = values[name];
  }
  const chosen = form.querySelector("details :checked");
  if (chosen) chosen.closest("details").open = true;
  if (Object.values(values).some(Boolean)) say(words.restored);
};

/* a photo may have been taken while this file was still on its slow way here */
shots.filter((shot) => shot.querySelector("input")?.files.length).forEach(taken);

if (!("bound" in words)) restore();
form.addEventListener("input", remember);

/* one filing per press: wait for the last photo, then send once */
let sending = false;
form.addEventListener("submit", async (event) => {
  if (sending) return event.preventDefault();
  sending = true;
  event.preventDefault();
  const send = document.getElementById("send");
  send.setAttribute("aria-busy", "true");
  say(words.sending);
  await busy;
  remember();
  form.submit();
});
window.addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  sending = false;
  document.getElementById("send").removeAttribute("aria-busy");
  say("");
});
