// Which key does what. C and R are Streamlit's own, with or without modifiers, and stay free.

/** Shown in the help; `once` marks what a held key must not repeat. */
export const BINDINGS = [
  { action: "confirm", keys: ["Enter"], shown: "Enter", once: true, group: "Decide", text: "Confirm the predicted score of the selected candidate; with a score typed, record that one" },
  { action: "confirmAndStay", keys: ["Shift+Enter"], shown: "Shift Enter", once: true, group: "Decide", text: "The same, then on to the next candidate of this image" },
  { action: "digit", keys: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], shown: "0 – 9", once: true, group: "Decide", text: "Type a score: 7 is 70 %, 78 is 78 %, 07 is 7 %" },
  { action: "leaveEntry", keys: ["Escape"], shown: "Esc", once: true, group: "Decide", text: "Leave the typed score" },
  { action: "skip", keys: ["s"], shown: "S", once: true, group: "Decide", text: "Skip this image" },
  { action: "flag", keys: ["f"], shown: "F", once: true, group: "Decide", text: "Flag this image for a second look" },
  { action: "noneAcceptable", keys: ["x"], shown: "X", once: true, group: "Decide", text: "No candidate is acceptable" },
  { action: "note", keys: ["n"], shown: "N", once: true, group: "Decide", text: "Write a note; it goes with the next decision" },
  { action: "pointCheck", keys: ["p"], shown: "P", once: true, group: "Decide", text: "Point check: random points of the mask, Y right, N wrong, S cannot tell; Enter records the accuracy" },
  { action: "undo", keys: ["Backspace", "u"], shown: "U  ⌫", once: true, group: "Decide", text: "Take the last decision back and return to its image" },
  { action: "nextCandidate", keys: ["ArrowRight", "ArrowDown"], shown: "→  ↓", group: "Move", text: "Next candidate" },
  { action: "previousCandidate", keys: ["ArrowLeft", "ArrowUp"], shown: "←  ↑", group: "Move", text: "Previous candidate" },
  { action: "nextItem", keys: ["j", "PageDown"], shown: "J  PgDn", group: "Move", text: "Next image, no decision" },
  { action: "previousItem", keys: ["k", "PageUp"], shown: "K  PgUp", group: "Move", text: "Previous image" },
  { action: "hold", keys: [" "], shown: "Space", once: true, group: "See", text: "Hold to hide the mask" },
  { action: "blink", keys: ["b"], shown: "B", once: true, group: "See", text: "Blink the mask" },
  { action: "blind", keys: ["h"], shown: "H", once: true, group: "See", text: "Hide predictions until you have decided on an image" },
  { action: "lessOpaque", keys: ["["], shown: "[", group: "See", text: "Mask more transparent" },
  { action: "moreOpaque", keys: ["]"], shown: "]", group: "See", text: "Mask more opaque" },
  { action: "cycleMode", keys: ["m"], shown: "M", once: true, group: "See", text: "Next view: overlay, mask, image, split" },
  { action: "swipe", keys: ["w"], shown: "W", once: true, group: "Compare", text: "Swipe: mask left of a line, image right of it; drag the line" },
  { action: "sideBySide", keys: ["g"], shown: "G", once: true, group: "Compare", text: "The best two candidates side by side, then four, then one; a click selects" },
  { action: "dispute", keys: ["d"], shown: "D", once: true, group: "Compare", text: "Where the candidates disagree" },
  { action: "errors", keys: ["e"], shown: "E", once: true, group: "Compare", text: "Where the selected candidate is probably wrong" },
  { action: "nextDisputed", keys: ["."], shown: ".", group: "Compare", text: "Zoom to the next disputed region" },
  { action: "previousDisputed", keys: [","], shown: ",", group: "Compare", text: "Back to the one before" },
  { action: "zoomIn", keys: ["+", "="], shown: "+", group: "See", text: "Zoom in (also the wheel)" },
  { action: "zoomOut", keys: ["-"], shown: "−", group: "See", text: "Zoom out; drag to move" },
  { action: "fit", keys: ["z", "Home"], shown: "Z", once: true, group: "See", text: "Fit the image (also a double click)" },
  { action: "oneToOne", keys: ["o"], shown: "O", once: true, group: "See", text: "One image pixel on one pixel of the screen" },
  { action: "help", keys: ["?"], shown: "?", once: true, group: "See", text: "These keys" },
];

const BY_KEY = new Map(BINDINGS.flatMap((binding) => binding.keys.map((key) => [key, binding])));

const TEXT_INPUTS = new Set(["text", "search", "number", "email", "url", "password", "tel", ""]);

/**
 * Listen on the whole window, so that a click elsewhere on the page does not make the canvas deaf.
 * `actions` maps action names to functions of the event; `isOpen()` says whether a dialog of the
 * canvas has the keys; `takes(event, binding)` acts on a key in place of its binding and says so.
 * Returns a function that stops listening.
 */
export function listenForKeys(actions, isOpen, takes) {
  const down = (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.ctrlKey || event.metaKey || event.altKey || isOpen()) return;
    const target = event.composedPath()[0];
    if (isTyping(target)) return;
    const binding = bindingOf(event);
    if (keepsKey(target, event.key)) return;
    if (takes(event, binding)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (!binding) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.repeat && binding.once) return;
    actions[binding.action](event);
  };
  const up = (event) => {
    if (event.key === " ") actions.release(event);
  };
  const blur = () => actions.release();
  window.addEventListener("keydown", down, true);
  window.addEventListener("keyup", up, true);
  window.addEventListener("blur", blur);
  return () => {
    window.removeEventListener("keydown", down, true);
    window.removeEventListener("keyup", up, true);
    window.removeEventListener("blur", blur);
  };
}

function bindingOf(event) {
  if (event.key === "Enter") return BY_KEY.get(event.shiftKey ? "Shift+Enter" : "Enter");
  // Caps lock must not turn the letters off.
  return BY_KEY.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
}

function isTyping(target) {
  if (!(target instanceof Element)) return false;
  if (target.closest("textarea, select, [contenteditable]:not([contenteditable='false'])")) {
    return true;
  }
  return target.tagName === "INPUT" && TEXT_INPUTS.has(target.getAttribute("type") ?? "");
}

/** Keys that a focused control needs for itself: Enter and Space on buttons, arrows on sliders. */
function keepsKey(target, key) {
  if (!(target instanceof Element)) return false;
  if (key === "Enter" || key === " ") {
    return Boolean(target.closest("button, a[href], summary, [role='button'], [role='option']"));
  }
  if (target.getAttribute("type") === "range") {
    return key.startsWith("Arrow") || ["Home", "PageUp", "PageDown"].includes(key);
  }
  if (target.closest("[role='slider']")) return key.startsWith("Arrow");
  return Boolean(target.closest("[role='listbox'], [role='menu'], [role='combobox']"));
}
