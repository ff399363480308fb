// Ticks every lamp once a minute, with the words and the time of the server (a phone's own clock may be wrong).
const words = document.getElementById("clock-words");
const offset = words ? Number(words.dataset.now) * 1000 - Date.now() : 0;

const look = (lamp, now) => {
  if (lamp.classList.contains("lamp-grave")) return "grave";
  if (now >= Number(lamp.dataset.due)) return "late";
  if (lamp.classList.contains("lamp-soon") || (lamp.dataset.soon && now >= Number(lamp.dataset.soon))) return "soon";
  return "ok";
};

export const tick = (root = document) => {
  if (!words) return;
  const now = (Date.now() + offset) / 1000;
  for (const lamp of root.querySelectorAll(".lamp[data-due]")) {
    const minutes = Math.floor(Math.abs(Number(lamp.dataset.due) - now) / 60);
    const [d, h, m] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60), minutes % 60];
    const name = look(lamp, now);
    const side = now < Number(lamp.dataset.due) ? "left" : "over";
    const unit = d ? "Days" : h ? "Hours" : "Minutes";
    lamp.className = `lamp lamp-${name}`;
    lamp.textContent = words.dataset[side + unit].replace("{d}", d).replace("{h}", h).replace("{m}", m);
  }
};

tick();
setInterval(tick, 60_000);
document.addEventListener("visibilitychange", () => document.hidden || tick());
document.addEventListener("htmx:afterSwap", (event) => tick(event.target));
