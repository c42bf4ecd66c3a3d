// What the colours of a map mean, and why there is none yet.

import { button, el, setText } from "./dom.js";

const ENDS = { dispute: ["agree", "disagree"], errors: ["right", "probably wrong"] };

export class HeatNotice {
  constructor(onRetry) {
    this.low = el("span");
    this.high = el("span");
    this.scale = el("div", { class: "heat-scale" }, this.low, el("span", { class: "heat-ramp", "aria-hidden": "true" }), this.high);
    this.text = el("span");
    this.retry = button({ label: "Try again", kind: "small", onClick: onRetry });
    this.root = el("div", { class: "heat", role: "status", hidden: true }, this.scale, this.text, this.retry);
  }

  update(mode, session, hasImage) {
    const ends = ENDS[mode];
    this.root.hidden = !ends || !hasImage;
    if (this.root.hidden) return;
    setText(this.low, ends[0]);
    setText(this.high, ends[1]);
    const { words, failed } = mode === "errors" ? ofErrors(session) : ofDispute(session);
    setText(this.text, words);
    this.text.hidden = words === "";
    this.scale.hidden = words !== "";
    this.retry.hidden = !failed;
  }
}

function ofErrors({ candidate, media }) {
  if (!candidate) return { words: "No candidate" };
  if (candidate.hidden) return { words: "Hidden until you have decided" };
  if (!candidate.errors) return { words: "Not scored yet, so there is no error map" };
  if (media.has(candidate.errors)) return { words: "" };
  const failure = media.failure(candidate.errors);
  if (failure) return { words: `The error map could not be made: ${failure.message}`, failed: true };
  return { words: "Making the error map…" };
}

function ofDispute({ item, media }) {
  const count = item?.candidates.length ?? 0;
  if (count < 2) return { words: "One candidate alone disagrees with nobody" };
  const here = item.candidates.filter((one) => media.has(one.mask)).length;
  return { words: here < count ? `${here} of ${count} masks are here` : "" };
}
