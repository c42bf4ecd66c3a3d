// What stands in place of an image: loading, an error with its way out, an empty or finished queue.

import { button, el, icon } from "./dom.js";

/** A card for the middle of the stage: title, sentences and buttons. */
function card(iconName, title, sentences, buttons = [], extra = null) {
  return el(
    "div",
    { class: "card" },
    iconName ? icon(iconName) : el("span", { class: "spinner", "aria-hidden": "true" }),
    el("h2", { text: title }),
    ...sentences.map((text) => el("p", { text })),
    extra,
    el("div", { class: "card-buttons" }, ...buttons),
  );
}

export function loadingCard(text) {
  return card(null, text, []);
}

export function failedCard(error, onRetry) {
  return card("warning", "The image could not be loaded", [error.message, "Nothing was recorded for it."], [
    button({ label: "Try again", kind: "primary", onClick: onRetry }),
  ]);
}

export function problemCard(error, onRetry) {
  return card("warning", "The queue could not be loaded", [error.message], [
    button({ label: "Try again", kind: "primary", onClick: onRetry }),
  ]);
}

/** The end of the queue: what was done, what was passed over, and what comes next. */
export function finishedCard(session, { go, goToOpen }) {
  const { queue, data } = session;
  const left = queue.passedOver();
  if (queue.total === 0 || (queue.order.length === 0 && queue.decided.size === 0)) {
    return emptyCard(session, go);
  }
  const buttons = [];
  if (left > 0) {
    buttons.push(
      button({ label: left === 1 ? "Go to the image left" : `Go to the ${left} left`, kind: "primary", onClick: goToOpen }),
    );
  }
  buttons.push(button({ label: "Train on these answers", kind: left > 0 ? "" : "primary", onClick: () => go("train") }));
  buttons.push(button({ label: "Choose another queue", onClick: () => go("queue") }));
  const sentences = [
    left > 0
      ? `${left} ${left === 1 ? "image was" : "images were"} passed over without a decision.`
      : queue.elsewhere > 0
        ? withOthers(queue)
        : `Every image of this queue in ${data.project.name} has a decision.`,
  ];
  return card("check", left > 0 ? "End of the queue" : "Queue finished", sentences, buttons, summary(queue));
}

function withOthers({ elsewhere }) {
  return `${elsewhere === 1 ? "The last image is" : `The last ${elsewhere} images are`} with other reviewers at the moment.`;
}

function summary(queue) {
  const words = { confirm: "confirmed", correct: "corrected", skip: "skipped", flag: "flagged", none_acceptable: "none acceptable" };
  const counts = new Map();
  for (const { kind } of queue.decided.values()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  if (counts.size === 0) return null;
  return el(
    "dl",
    { class: "summary" },
    ...Object.entries(words)
      .filter(([kind]) => counts.has(kind))
      .map(([kind, word]) => el("div", {}, el("dt", { text: word }), el("dd", { text: String(counts.get(kind)) }))),
  );
}

function emptyCard({ data, queue }, go) {
  if (data.counts.images === 0) {
    return card("plus", "No images yet", ["Import a folder of images to begin; masks of segmenters can come along."], [
      button({ label: "Import images", kind: "primary", onClick: () => go("import") }),
    ]);
  }
  if (queue.total > 0 && queue.elsewhere > 0) {
    return card("check", "Nothing left for you", [withOthers(queue), "What they leave comes back within minutes."], [
      button({ label: "Choose another queue", kind: "primary", onClick: () => go("queue") }),
    ]);
  }
  if (queue.total > 0) {
    return card("check", "Nothing left in this queue", ["All images that match have a decision already. Other filters may show more, and training makes use of the answers."], [
      button({ label: "Train on these answers", kind: "primary", onClick: () => go("train") }),
      button({ label: "Choose another queue", onClick: () => go("queue") }),
    ]);
  }
  return card("eye", "No image matches", ["No image of this project matches the filters of this queue."], [
    button({ label: "Choose another queue", kind: "primary", onClick: () => go("queue") }),
  ]);
}
