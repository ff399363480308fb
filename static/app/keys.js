// Single-key shortcuts. Off while a text is being typed or an input method composes; can be switched off (WCAG 2.1.4).

const SWITCH = "grid-keys-off";

export const areKeysOn = () => localStorage.getItem(SWITCH) !== "1";
export const switchKeys = (on) => (on ? localStorage.removeItem(SWITCH) : localStorage.setItem(SWITCH, "1"));

const isTyping = (target) => target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

// `commands` maps KeyboardEvent.key (letters lower case) to a function; one that returns false lets the key through.
export function listen(commands) {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const command = commands[key];
    if (!command || (event.repeat && key !== "j" && key !== "k")) return;
    const isPlain = key.length === 1;
    if (isPlain && (!areKeysOn() || isTyping(event.target))) return;
    if (document.querySelector("dialog[open]")) return;
    if (command(event) !== false) event.preventDefault();
  });
}
