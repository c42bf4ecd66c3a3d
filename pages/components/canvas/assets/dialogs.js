// Windows over the canvas: the keys, and decisions that were not accepted.

import { button, el } from "./dom.js";
import { BINDINGS } from "./keys.js";

export class Dialogs {
  constructor({ onClosed, onDismiss }) {
    this.onDismiss = onDismiss;
    this.title = el("h2", { id: "rsqa-dialog-title" });
    this.body = el("div", { class: "dialog-body" });
    this.root = el(
      "dialog",
      { class: "dialog", "aria-labelledby": "rsqa-dialog-title" },
      el("div", { class: "dialog-head" }, this.title, button({ label: "Close", iconName: "cross", iconOnly: true, onClick: () => this.close() })),
      this.body,
    );
    this.root.addEventListener("close", onClosed);
    this.root.addEventListener("click", (event) => {
      if (event.target === this.root) this.close(); // a click on the backdrop
    });
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "?") this.close();
      event.stopPropagation();
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
      el(
        "div",
        { class: "key-groups" },
        ...[...groups].map(([name, bindings]) =>
          el(
            "section",
            {},
            el("h3", { text: name }),
            ...bindings.map((binding) =>
              el(
                "div",
                { class: "key-row" },
                el("span", { class: "key-caps" }, ...binding.shown.split("  ").map((text) => el("kbd", { text }))),
                el("span", { text: binding.text }),
              ),
            ),
          ),
        ),
      ),
      el("p", { class: "muted", text: "Decisions are kept in this browser until the server has stored them; losing the connection loses nothing." }),
    );
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
