// Classes with their colours and area shares; each can be switched off.

import { el, setAttribute, setText } from "./dom.js";
import { cssColour, safeColoursSuffice } from "./palette.js";

export class Legend {
  constructor({ onToggle, onPalette, onAll }) {
    this.onToggle = onToggle;
    this.rows = new Map();
    this.head = el(
      "div",
      { class: "class-head muted", "aria-hidden": "true" },
      el("span", { class: "iou", text: "IoU", title: "Predicted intersection over union of each class with the truth" }),
      el("span", { class: "share", text: "Area" }),
    );
    this.list = el("div", { class: "legend", role: "group", "aria-label": "Classes" });
    this.palette = el("button", { type: "button", class: "link", on: { click: onPalette } });
    this.all = el("button", { type: "button", class: "link", text: "Show all", hidden: true, on: { click: onAll } });
    this.root = el(
      "section",
      { class: "block grow" },
      el("div", { class: "block-head" }, el("h2", { text: "Classes" }), this.all, this.palette),
      this.head,
      this.list,
    );
  }

  setClasses(classes) {
    this.classes = classes;
    this.rows.clear();
    this.list.replaceChildren(
      ...classes.map((entry) => {
        const swatch = el("span", { class: "swatch", "aria-hidden": "true" });
        const iou = el("span", { class: "iou figure" });
        const share = el("span", { class: "share figure" });
        const row = el(
          "button",
          { type: "button", class: "class-row", on: { click: () => this.onToggle(entry.id) } },
          swatch,
          el("span", { class: "name", text: entry.name, title: entry.name }),
          iou,
          share,
        );
        this.rows.set(entry.id, { row, swatch, iou, share });
        return row;
      }),
    );
  }

  update(session, colours, hidden, palette) {
    const shares = session.candidate?.area_shares ?? [];
    const ious = session.candidate?.score?.class_iou ?? [];
    this.root.classList.toggle("without-iou", ious.length === 0);
    for (const [index, entry] of this.classes.entries()) {
      const { row, swatch, iou, share } = this.rows.get(entry.id);
      const shown = !hidden.has(entry.id);
      setAttribute(row, "aria-pressed", shown);
      setAttribute(row, "title", shown ? "Hide this class" : "Show this class");
      swatch.style.setProperty("--swatch", cssColour(colours.get(entry.id)));
      setText(iou, iouText(ious[index]));
      setAttribute(iou, "title", typeof ious[index] === "number" ? "Predicted IoU" : null);
      setText(share, shares[index] === undefined ? "" : shareText(shares[index]));
    }
    this.all.hidden = hidden.size === 0;
    this.palette.hidden = !safeColoursSuffice(this.classes);
    setText(this.palette, palette === "safe" ? "Project colours" : "Colour-blind safe");
    setAttribute(
      this.palette,
      "title",
      palette === "safe" ? "Use the project's own colours" : "Use colours that everyone can tell apart",
    );
  }

  /** Mark the class under the pointer. */
  point(classId) {
    for (const [id, { row }] of this.rows) row.classList.toggle("pointed", id === classId);
  }
}

// A class that is not in the mask has none.
function iouText(iou) {
  return typeof iou === "number" ? `${Math.round(iou * 100)} %` : "–";
}

function shareText(share) {
  const value = share * 100;
  if (value > 0 && value < 1) return "< 1 %";
  return `${Math.round(value)} %`;
}
