// The candidates of an image by rank, each with its predicted score and how sure that is.

import { button, el, icon, percent, setAttribute, setText } from "./dom.js";
import { adviceWords, alarmWords, furtherWords, markOf } from "./prediction.js";

export class Candidates {
  constructor({ onSelect, onMake }) {
    this.onSelect = onSelect;
    this.rows = [];
    this.list = el("div", { class: "candidates", role: "group", "aria-label": "Candidates by predicted quality" });
    this.empty = el(
      "div",
      { class: "no-candidates", hidden: true },
      el("p", { class: "muted small", text: "This image has no candidates yet. Skip it, flag it, or have candidates made." }),
      button({ label: "Make candidates", iconName: "plus", title: "On Home, where each project has its next step", onClick: () => onMake() }),
    );
    this.root = el("section", { class: "block anchored" }, this.list, this.empty);
  }

  update(session) {
    const candidates = session.item?.candidates ?? [];
    while (this.rows.length < candidates.length) this.rows.push(this.row());
    for (const [index, row] of this.rows.entries()) {
      const candidate = candidates[index];
      // Rows keep their room: what stands below must not move when an image has fewer.
      row.root.classList.toggle("vacant", !candidate);
      if (candidate) fill(row, candidate, index, session);
    }
    this.empty.hidden = !session.item || candidates.length > 0;
  }

  row() {
    const rank = el("span", { class: "rank" });
    const mark = el("span", { class: "mark", "aria-hidden": "true" }, icon("star"));
    const name = el("span", { class: "name" });
    const own = el("span", { class: "badge" });
    const value = el("span", { class: "value" });
    const bar = el("span", { class: "bar-fill" });
    const whisker = el("span", { class: "whisker" });
    const track = el("span", { class: "bar", "aria-hidden": "true" }, bar, whisker);
    const rangeText = el("span");
    const range = el("span", { class: "range muted" }, icon("warning"), rangeText);
    const root = el(
      "button",
      { type: "button", class: "candidate" },
      rank,
      mark,
      el("span", { class: "line" }, name, own),
      value,
      track,
      range,
    );
    root.addEventListener("click", () => this.onSelect(Number(root.dataset.id)));
    this.list.append(root);
    return { root, rank, name, own, value, bar, whisker, rangeText };
  }
}

function fill(row, candidate, index, session) {
  const { score } = candidate;
  const selected = candidate === session.candidate;
  row.root.dataset.id = candidate.id;
  setAttribute(row.root, "aria-pressed", selected);
  setText(row.rank, String(index + 1));
  setText(row.name, candidate.segmenter);
  setAttribute(row.name, "title", candidate.segmenter);
  const own = session.history.on(session.item.id, candidate.id);
  setText(row.own, own?.score == null ? "" : `You: ${percent(own.score)}`);
  setAttribute(row.root, "data-mark", markOf(session.item, candidate));
  setText(row.value, score ? percent(score.value) : "–");
  setText(row.rangeText, score ? `${Math.round(score.low * 100)}–${Math.round(score.high * 100)} %` : candidate.hidden ? "hidden" : "not scored yet");
  setAttribute(row.root, "data-scored", Boolean(score));
  if (score) {
    row.bar.style.transform = `scaleX(${score.value})`;
    row.whisker.style.left = `${score.low * 100}%`;
    row.whisker.style.right = `${(1 - score.high) * 100}%`;
  }
  const alarm = alarmWords(score);
  setAttribute(row.root, "data-alarm", alarm !== "");
  const coverage = percent(session.item.interval_coverage);
  const interval = score ? `${coverage} interval: ${percent(score.low)} to ${percent(score.high)}` : "";
  const further = furtherWords(score) && `predicted ${furtherWords(score)}`;
  const more = [adviceWords(session.item, candidate), further, alarm].filter(Boolean);
  const words = score ? [`predicted ${percent(score.value)}`, interval, ...more].join(", ") : unscored(candidate);
  setAttribute(row.root, "aria-label", `Candidate ${index + 1}, ${candidate.segmenter}, ${words}`);
  setAttribute(row.root, "title", score ? [interval, ...more].join("\n") : null);
}

function unscored(candidate) {
  return candidate.hidden ? "hidden until decided" : "not scored yet";
}
