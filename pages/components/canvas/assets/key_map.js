// Which key does what for this reviewer: the usual keys, and those that were chosen instead.

import { BINDINGS } from "./bindings.js";

const STORED = "rsqa.keys";
const CAPS = {
  Backspace: "⌫",
  ArrowRight: "→",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowUp: "↑",
  PageDown: "PgDn",
  PageUp: "PgUp",
  "-": "−",
};

const BY_ACTION = new Map(BINDINGS.map((binding) => [binding.action, binding]));

class KeyMap {
  constructor() {
    this.chosen = new Map(); // action -> the sign that took the place of its usual one
    this.read();
  }

  get changed() {
    return this.chosen.size > 0;
  }

  bindingOf(event) {
    if (event.key === "Enter") return BY_ACTION.get(event.shiftKey ? "confirmAndStay" : "confirm");
    return this.byKey.get(plain(event.key));
  }

  /** The key that a button shows, as on a keyboard; its name where `aria-keyshortcuts` asks. */
  keyOf(action) {
    return signOf(BY_ACTION.get(action), this.chosen);
  }

  /** What the help shows: all keys of an action. */
  capsOf(action) {
    const binding = BY_ACTION.get(action);
    if (!this.chosen.has(action)) return binding.shown.split("  ");
    return keysOf(binding, this.chosen).map(capOf);
  }

  /** Give an action another key; returns why that cannot be, or null. Who had it gets the old one. */
  change(action, key) {
    const sign = plain(key);
    const reason = refusal(sign);
    if (reason) return reason;
    const other = this.byKey.get(sign);
    if (other?.fixed) return `${capOf(sign)} keeps its meaning: ${other.text}.`;
    const binding = BY_ACTION.get(action);
    if (other === binding) return null;
    const chosen = new Map(this.chosen);
    if (other && signOf(other, chosen) !== sign) return `${capOf(sign)} keeps its meaning: ${other.text}.`;
    if (other) choose(chosen, other, signOf(binding, this.chosen));
    choose(chosen, binding, sign);
    this.use(chosen);
    this.write();
    return null;
  }

  reset() {
    this.use(new Map());
    this.write();
  }

  use(chosen) {
    this.chosen = chosen;
    this.byKey = new Map(BINDINGS.flatMap((binding) => keysOf(binding, chosen).map((key) => [key, binding])));
  }

  read() {
    this.use(new Map());
    try {
      const stored = Object.entries(JSON.parse(localStorage.getItem(STORED) ?? "{}"));
      const known = stored.filter(([action, key]) => {
        const binding = BY_ACTION.get(action);
        return binding && !binding.fixed && typeof key === "string" && !refusal(key);
      });
      const chosen = new Map(known);
      const all = BINDINGS.flatMap((binding) => keysOf(binding, chosen));
      // A key must not do two things: what is stored then comes from another version.
      if (new Set(all).size === all.length) this.use(chosen);
    } catch {
      // What cannot be read leaves the usual keys.
    }
  }

  write() {
    try {
      localStorage.setItem(STORED, JSON.stringify(Object.fromEntries(this.chosen)));
    } catch {
      // Storage is full or forbidden: the keys then hold until the page is left.
    }
  }
}

export function capOf(key) {
  return CAPS[key] ?? (key.length === 1 ? key.toUpperCase() : key);
}

/** Caps lock must not turn the letters off. */
function plain(key) {
  return key.length === 1 ? key.toLowerCase() : key;
}

function refusal(sign) {
  if ([...sign].length !== 1 || sign.trim() === "") return "Choose a letter or a sign.";
  if (/[0-9]/.test(sign)) return "Digits type a score.";
  if (sign === "c" || sign === "r") return "C and R belong to the page around the canvas.";
  return null;
}

/** The sign of a binding that can be chosen anew: its first key that is one. */
function usualSign(binding) {
  return binding.keys.find((key) => key.length === 1 && key !== " ") ?? binding.keys[0];
}

function signOf(binding, chosen) {
  return chosen.get(binding.action) ?? usualSign(binding);
}

function keysOf(binding, chosen) {
  const own = chosen.get(binding.action);
  if (own === undefined) return binding.keys;
  return [own, ...binding.keys.filter((key) => key !== usualSign(binding))];
}

function choose(chosen, binding, sign) {
  if (sign === usualSign(binding)) chosen.delete(binding.action);
  else chosen.set(binding.action, sign);
}

/** One for the page: keys are the reviewer's, not an item's. */
export const keyMap = new KeyMap();
