// The line between the two halves of the swipe view; it is dragged, or moved by the arrow keys.

import { el, setAttribute } from "./dom.js";

const STEP = 0.05;

export class SwipeHandle {
  /** `onMove(share)` is told where the line is, 0 at the left edge and 1 at the right. */
  constructor(host, onMove) {
    this.host = host;
    this.onMove = onMove;
    this.root = el(
      "div",
      {
        class: "swipe",
        role: "slider",
        tabindex: 0,
        hidden: true,
        "aria-label": "Mask to the left of this line",
        "aria-valuemin": 0,
        "aria-valuemax": 100,
        title: "Mask to the left, image to the right: drag, or ← and →",
      },
      el("span", { class: "swipe-grip", "aria-hidden": "true" }),
    );
    this.root.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      this.root.setPointerCapture(event.pointerId);
      this.dragging = true;
    });
    this.root.addEventListener("pointermove", (event) => {
      if (!this.dragging) return;
      const box = this.host.getBoundingClientRect();
      this.move((event.clientX - box.left) / box.width);
    });
    const end = () => (this.dragging = false);
    this.root.addEventListener("pointerup", end);
    this.root.addEventListener("pointercancel", end);
    this.root.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      this.move(this.share + by);
    });
  }

  move(share) {
    this.onMove(Math.min(1, Math.max(0, share)));
  }

  update(shown, share) {
    this.share = share;
    this.root.hidden = !shown;
    this.root.style.left = `${share * 100}%`;
    setAttribute(this.root, "aria-valuenow", Math.round(share * 100));
  }
}
