// What the head says of the selected candidate beside its score, in words: whether to take it, what
// else it predicts, and why the prediction may be out of its depth.

import { el, icon, percent, setAttribute, setText } from "./dom.js";

const CAUSES = {
  unlike_training: "unlike the training imagery",
  unknown_class: "unknown class",
  unknown_segmenter: "unknown segmenter",
};

export class Prediction {
  constructor() {
    this.adviceText = el("span");
    this.advice = el("span", { class: "advice" }, icon("star"), this.adviceText);
    this.further = el("span", { class: "muted figure" });
    this.line = el("p", { class: "advice-line" }, this.advice, this.further);
    this.warningText = el("span");
    this.warning = el("p", { class: "warning" }, icon("warning"), this.warningText);
    this.noneText = el("span");
    this.none = el("p", { class: "warning" }, icon("cross"), this.noneText);
    // Last in the strip, so that a warning takes its room from the legend and moves nothing else;
    // the line itself keeps its room.
    this.root = el(
      "section",
      { class: "block prediction", "aria-label": "Prediction" },
      this.none,
      this.line,
      this.warning,
    );
  }

  update(session) {
    const { item, candidate, data } = session;
    const none = noneAcceptable(item, data);
    const warning = alarmWords(candidate?.score);
    setText(this.noneText, none);
    const advice = candidate ? adviceWords(item, candidate) : "";
    const further = furtherWords(candidate?.score);
    setText(this.adviceText, advice);
    setAttribute(this.advice, "data-mark", candidate ? markOf(item, candidate) : "");
    setText(this.further, further);
    setText(this.warningText, warning);
    this.none.hidden = none === "";
    this.warning.hidden = warning === "";
    this.advice.hidden = advice === "";
    const nothing = advice === "" && further === "" && none === "" && warning === "";
    this.root.classList.toggle("vacant", nothing);
  }
}

/** "recommended", "maybe" or "": what the head says of a candidate within its image. */
export function markOf(item, candidate) {
  if (candidate.id === item.recommended_id) return "recommended";
  return candidate.score?.may_be_best ? "maybe" : "";
}

export function adviceWords(item, candidate) {
  const mark = markOf(item, candidate);
  if (mark === "recommended") return "Recommended";
  if (mark === "") return "";
  return item.best_risk === null ? "May be best" : `May be best (${percent(item.best_risk)} risk)`;
}

/** The further predictions in a score, "" where the head makes none. */
export function furtherWords(score) {
  const parts = [];
  if (score && score.mean_iou !== null) parts.push(`mIoU ${percent(score.mean_iou)}`);
  if (score && score.boundary_f1 !== null) parts.push(`boundary F1 ${percent(score.boundary_f1)}`);
  return parts.join(", ");
}

export function alarmWords(score) {
  const causes = (score?.alarms ?? []).map((code) => CAUSES[code] ?? code.replaceAll("_", " "));
  if (causes.length === 0) return "";
  const text = causes.join("; ");
  return `${text[0].toUpperCase()}${text.slice(1)}: the interval is widened`;
}

function noneAcceptable(item, data) {
  if (!item?.none_acceptable) return "";
  return `Probably none acceptable: even the best interval ends below ${percent(data.acceptable)}`;
}
