// The bar on top: queue, progress, pace, model version and whether everything is saved.

import { button, el, setAttribute, setText } from "./dom.js";

const ORDER_NAMES = {
  informative: "most informative first",
  uncertain: "most uncertain first",
  worst: "worst predicted first",
  best: "best predicted first",
  disagreement: "most disagreement first",
  diverse: "most diverse first",
  similar: "most alike first",
  random: "random order",
  name: "by name",
};

const ORDER_SENTENCES = {
  informative: "First the images from whose labels the next training would gain most, as the current head sees it.",
  diverse: "Every next image is the one least like those before it, as the encoder sees them.",
};

export class Topbar {
  constructor({ onRefused, onOrder, onBlind }) {
    this.project = el("span", { class: "project" });
    this.order = el(
      "select",
      { class: "order", "aria-label": "Order of the queue", on: { change: () => onOrder(this.order.value) } },
      ...Object.entries(ORDER_NAMES).map(([value, text]) =>
        el("option", { value, text, title: ORDER_SENTENCES[value] }),
      ),
    );
    this.filters = el("span", { class: "muted filters" });
    this.fill = el("div", { class: "progress-fill" });
    this.progress = el(
      "div",
      { class: "progress", role: "progressbar", "aria-label": "Images decided", "aria-valuemin": 0 },
      this.fill,
    );
    this.count = el("span", { class: "count" });
    this.pace = el("span", { class: "figure pace", title: "Your pace over the last 20 decisions" });
    this.model = el("span", { class: "figure model" });
    this.blind = button({ label: "Hide predictions until I have decided", iconName: "hidden", action: "blind", iconOnly: true, onClick: onBlind });
    this.dot = el("span", { class: "dot", "aria-hidden": "true" });
    this.saved = el("span", { class: "saved-text", role: "status", "aria-live": "polite" });
    this.refused = el("button", {
      type: "button",
      class: "button danger small",
      hidden: true,
      on: { click: onRefused },
    });
    this.root = el(
      "header",
      { class: "topbar" },
      el("div", { class: "queue-name" }, this.project, this.order, this.filters),
      el("div", { class: "queue-progress" }, this.progress, this.count),
      el("div", { class: "figures" }, this.pace, this.model, this.blind),
      el("div", { class: "saved" }, this.refused, this.dot, this.saved),
    );
  }

  update(session) {
    const { data, queue } = session;
    setText(this.project, data.project.name);
    const order = data.query.order ?? "informative";
    // Without a search there is nothing to be like.
    const alike = this.order.querySelector("option[value=similar]");
    alike.hidden = alike.disabled = !data.query.search;
    if (this.order.value !== order) this.order.value = order;
    setAttribute(this.order, "title", ORDER_SENTENCES[order] ?? "Order of the queue");
    setText(this.filters, describe(data.query));
    const { total } = queue;
    const done = session.doneCount;
    setText(this.count, total === null ? "…" : `${done} of ${total}`);
    setAttribute(this.progress, "aria-valuemax", total ?? 1);
    setAttribute(this.progress, "aria-valuenow", done);
    const share = total ? done / total : 0;
    this.fill.style.transform = `scaleX(${share})`;
    const { perHour } = session.pace;
    setText(this.pace, perHour === null ? "– / h" : `${perHour} / h`);
    this.updateModel(session);
    this.updateSaved(session.outbox);
  }

  updateModel(session) {
    setAttribute(this.blind, "aria-pressed", session.view.blind);
    if (session.candidate?.hidden) {
      setText(this.model, "Predictions hidden");
      setAttribute(this.model, "title", "They appear once you have decided on the image");
      return;
    }
    const head = session.candidate?.score?.head_id ?? session.queue.headId ?? null;
    setText(this.model, head ? `Model ${shorten(head)}` : "No model yet");
    setAttribute(this.model, "title", head ? `Scores on screen are by model version ${head}` : null);
  }

  updateSaved(outbox) {
    const waiting = outbox.waiting().length;
    const refused = outbox.refused().length;
    let text = "Saved";
    let state = "saved";
    if (waiting > 0 && outbox.offline) {
      const kept = outbox.allKept ? "kept in this browser" : "not stored – keep this page open";
      text = `Offline – ${waiting} waiting, ${kept}`;
      state = "offline";
    } else if (outbox.offline) {
      text = "Offline – nothing is waiting";
      state = "offline";
    } else if (waiting > 0) {
      text = `Saving ${waiting}…`;
      state = "saving";
    }
    setText(this.saved, text);
    setAttribute(this.dot, "data-state", state);
    this.refused.hidden = refused === 0;
    if (refused > 0) setText(this.refused, `${refused} not accepted`);
  }
}

function describe(query) {
  const parts = [];
  if (query.status && query.status !== "open") parts.push(query.status.replaceAll("_", " "));
  if (query.scene) parts.push(`scene ${query.scene}`);
  if (query.segmenter) parts.push(`with ${query.segmenter}`);
  if (query.name) parts.push(`name has “${query.name}”`);
  if (query.below) parts.push(`below ${Math.round(Number(query.below) * 100)} %`);
  return parts.join(" · ");
}

/** A version's name is known by its beginning; the whole one is in the tooltip. */
export function shorten(headId) {
  return headId.length > 16 ? `${headId.slice(0, 15)}…` : headId;
}
