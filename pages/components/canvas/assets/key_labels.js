// Writes keys onto the controls that do the same, again when a reviewer chooses others.

import { setAttribute, setText } from "./dom.js";
import { capOf, keyMap } from "./key_map.js";

/**
 * Label everything under `root`: `data-action` names the action of a control, `data-title` is its
 * tooltip, in which `{action}` stands for the key of an action.
 */
export function labelKeys(root) {
  for (const node of root.querySelectorAll("[data-action], [data-title]")) {
    const { action, title } = node.dataset;
    if (action) {
      const key = keyMap.keyOf(action);
      setAttribute(node, "aria-keyshortcuts", key.length === 1 ? key.toUpperCase() : key);
      const cap = node.querySelector("kbd");
      if (cap) setText(cap, capOf(key));
    }
    if (title) {
      const text = title.replace(/\{(\w+)\}/g, (_, name) => capOf(keyMap.keyOf(name)));
      setAttribute(node, node.tagName === "DIV" ? "aria-label" : "title", text);
    }
  }
}
