// Whose mask each pane shows, where there are several; the one that a decision is about is marked.

import { el, percent, setAttribute, setText } from "./dom.js";

export class PaneLabels {
  constructor() {
    this.root = el("div", { class: "pane-labels", "aria-hidden": "true" });
  }

  /** @param selectedId candidate that a decision would be about */
  update(panes, selectedId) {
    const named = panes.filter((pane) => pane.candidate);
    while (this.root.children.length < named.length) this.root.append(el("div", { class: "pane-label" }, el("span")));
    for (const [index, node] of [...this.root.children].entries()) {
      const pane = named[index];
      node.hidden = !pane;
      if (!pane) continue;
      const { frame, candidate } = pane;
      Object.assign(node.style, {
        left: `${frame.left}px`,
        top: `${frame.top}px`,
        width: `${frame.width}px`,
        height: `${frame.height}px`,
      });
      setAttribute(node, "data-selected", candidate.id === selectedId);
      const score = candidate.score ? ` ${percent(candidate.score.value)}` : "";
      setText(node.firstChild, candidate.mask ? `${candidate.segmenter}${score}` : `${candidate.segmenter}: loading…`);
    }
  }
}
