// Listens to the keyboard and calls what a key stands for.

import { keyMap } from "./key_map.js";

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
    const binding = keyMap.bindingOf(event);
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

export function isTyping(target) {
  if (!(target instanceof Element)) return false;
  if (target.closest("textarea, select, [contenteditable]:not([contenteditable='false'])")) {
    return true;
  }
  return target.tagName === "INPUT" && TEXT_INPUTS.has(target.getAttribute("type") ?? "");
}

/** Keys that a focused control needs for itself: Enter and Space on buttons, arrows on sliders. */
export function keepsKey(target, key) {
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
