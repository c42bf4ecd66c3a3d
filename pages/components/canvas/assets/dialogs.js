// Windows over the canvas: the keys, and decisions that were not accepted.

import { BINDINGS } from "./bindings.js";
import { button, el } from "./dom.js";
import { capOf, keyMap } from "./key_map.js";

const KEY_HINT = "Point at an action to change its key.";

export class Dialogs {
  constructor({ onClosed, onDismiss, onKeys }) {
    this.onDismiss = onDismiss;
    this.onKeys = onKeys;
    this.asking = null; // the action whose new key is awaited
    this.title = el("h2", { id: "rsqa-dialog-title" });
    this.body = el("div", { class: "dialog-body" });
    this.root = el(
      "dialog",
      { class: "dialog", "aria-labelledby": "rsqa-dialog-title" },
      el("div", { class: "dialog-head" }, this.title, button({ label: "Close", iconName: "cross", iconOnly: true, onClick: () => this.close() })),
      this.body,
    );
    this.root.addEventListener("close", () => {
      this.asking = null;
      onClosed();
    });
    this.root.addEventListener("click", (event) => {
      if (event.target === this.root) this.close(); // a click on the backdrop
    });
    this.root.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (this.asking) this.takeKey(event);
      else if (event.key === keyMap.keyOf("help")) this.close();
    });
  }

  get open() {
    return this.root.open;
  }

  close() {
    this.root.close();
  }

  showKeys() {
    const groups = new Map();
    for (const binding of BINDINGS) {
      if (!groups.has(binding.group)) groups.set(binding.group, []);
      groups.get(binding.group).push(binding);
    }
    this.show(
      "Keys",
      this.keyNotice(),
      el(
        "div",
        { class: "key-groups" },
        ...[...groups].map(([name, bindings]) =>
          el(
            "section",
            {},
            el("h3", { text: name }),
            ...bindings.map((binding) => this.keyRow(binding)),
          ),
        ),
      ),
      el("p", { class: "muted", text: "Decisions are kept in this browser until the server has stored them; losing the connection loses nothing." }),
    );
  }

  keyRow(binding) {
    const asked = binding.action === this.asking;
    const caps = asked ? ["…"] : keyMap.capsOf(binding.action);
    const change = button({
      label: asked ? "Press a key" : "Change",
      kind: "small quiet",
      onClick: () => this.askKey(asked ? null : binding.action),
    });
    change.setAttribute("aria-label", asked ? `Press the new key for: ${binding.text}` : `Change the key for: ${binding.text}`);
    change.dataset.key = binding.action;
    return el(
      "div",
      { class: asked ? "key-row asked" : "key-row" },
      el("span", { class: "key-caps" }, ...caps.map((text) => el("kbd", { text }))),
      el("span", { text: binding.text }),
      binding.fixed ? null : change,
    );
  }

  keyNotice() {
    this.notice = el("span", { class: "muted", role: "status", text: KEY_HINT });
    const reset = button({ label: "Usual keys again", kind: "small", onClick: () => this.resetKeys() });
    reset.hidden = !keyMap.changed;
    return el("div", { class: "key-foot" }, this.notice, reset);
  }

  askKey(action, told = "") {
    const last = action ?? this.asking;
    this.asking = action;
    this.showKeys();
    this.notice.textContent = told || (action ? "Press the new key, or Esc to leave it." : KEY_HINT);
    this.body.querySelector(`[data-key="${last}"]`)?.focus();
  }

  takeKey(event) {
    if (["Shift", "Control", "Alt", "Meta", "Tab"].includes(event.key)) return;
    event.preventDefault();
    if (event.repeat || event.isComposing) return;
    if (event.key === "Escape") {
      this.askKey(null);
      return;
    }
    const reason = keyMap.change(this.asking, event.key);
    if (reason) {
      this.notice.textContent = reason;
      return;
    }
    this.onKeys();
    this.askKey(null, `${capOf(event.key.length === 1 ? event.key.toLowerCase() : event.key)} is the new key.`);
  }

  resetKeys() {
    keyMap.reset();
    this.onKeys();
    this.askKey(null, "The usual keys are back.");
  }

  showRefused(refused) {
    this.show(
      "Not accepted",
      el("p", { class: "muted", text: "The server refused these decisions; they are not in the database." }),
      ...refused.map((entry) =>
        el(
          "div",
          { class: "refused-row" },
          el("div", {}, el("strong", { text: `Image ${entry.verdict.image_id}, ${entry.verdict.kind.replaceAll("_", " ")}` }), el("p", { text: entry.message })),
          button({ label: "Dismiss", kind: "small", onClick: () => this.onDismiss(entry.id) }),
        ),
      ),
    );
  }

  showLink(address) {
    const field = el("input", { type: "text", readonly: true, value: address, class: "link-field", "aria-label": "Link to this item" });
    this.show("Link to this item", field);
    field.focus();
    field.select();
  }

  show(title, ...content) {
    this.title.textContent = title;
    this.body.replaceChildren(...content);
    if (!this.root.open) this.root.showModal();
  }
}
