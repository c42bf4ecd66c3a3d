// The point check: random points of the selected mask, called right or wrong by key, and what they
// say of its overall accuracy. While it runs it has the keys of decisions; those for viewing stay.

import { VIEWING } from "./bindings.js";
import { button, el, percent, setText } from "./dom.js";
import { estimate, FEWEST, NARROW, pointsToGo } from "./point_estimate.js";

const SHOWN_PX = 128; // of the image around a point, where the reviewer has not zoomed
const LARGEST_SEED = 2 ** 31 - 1;
const DESIGNS = { random: "Random points", by_class: "By class" };

export class PointCheck {
  /** @param app {server, session, view, preferences, stage} */
  constructor(app) {
    this.app = app;
    this.running = null; // {candidate, points, strata, weights, answers, seed, design, zoom}
    this.question = el("strong");
    this.figures = el("span", { class: "figure", role: "status" });
    this.advice = el("span", { class: "task-advice" });
    this.design = el(
      "select",
      { class: "point-design", "aria-label": "Which points", on: { change: (event) => this.redraw(event.target.value) } },
      ...Object.entries(DESIGNS).map(([value, text]) => el("option", { value, text })),
    );
    const act = (label, key, onClick, kind = "small") => button({ label, key, kind, onClick });
    this.recordButton = act("Record", "⏎", (event) => this.record(event), "small primary");
    this.root = el(
      "div",
      { class: "task-bar", role: "group", "aria-label": "Point check", hidden: true },
      el("div", { class: "task-line" }, this.question, act("Right", "Y", () => this.answer(true)), act("Wrong", "N", () => this.answer(false)), act("Cannot tell", "S", () => this.answer(null)), act("Back", "⌫", () => this.back())),
      el("div", { class: "task-line" }, this.figures, this.advice, this.design, this.recordButton, act("Leave", "P", () => this.leave())),
    );
  }

  get active() {
    return this.running !== null;
  }

  async toggle() {
    if (this.active) return this.leave();
    const { session, preferences } = this.app;
    if (!session.candidate) return this.app.view.hint("No candidate to check");
    if (!session.ready({ needsMask: true })) return;
    await this.begin(session.candidate, preferences.get("points"), this.app.stage.zoom);
  }

  /** Other points of the same candidate; the answers so far are dropped. */
  async redraw(design) {
    const { candidate, zoom } = this.running;
    this.app.preferences.set("points", design);
    this.app.view.focusStage();
    await this.begin(candidate, design, zoom);
  }

  async begin(candidate, design, zoom) {
    const { server, session, view } = this.app;
    const seed = crypto.getRandomValues(new Uint32Array(1))[0] & LARGEST_SEED;
    try {
      const drawn = await server.json(`candidates/${candidate.id}/points?design=${design}&seed=${seed}`);
      if (session.candidate?.id !== candidate.id) return;
      if (drawn.mask_sha256 !== candidate.mask_sha256) throw new Error("the mask was replaced; open the item again");
      this.running = { candidate, ...drawn, answers: [], seed, design, zoom };
    } catch (error) {
      view.hint(`The points could not be drawn: ${error.message}`);
      return;
    }
    this.update();
  }

  answer(right) {
    const { answers, points } = this.running;
    if (answers.length === points.length) return;
    answers.push(right);
    this.update();
  }

  back() {
    this.running.answers.pop();
    this.update();
  }

  record(event) {
    const { candidate, strata, weights, answers, seed, design } = this.running;
    const found = estimate(strata, weights, answers);
    if (!found || found.n < FEWEST) {
      this.app.view.hint(`At least ${FEWEST} points that can be told, then Enter`);
      return;
    }
    const { accuracy: score, low, high } = found;
    this.leave();
    const pointCheck = { design, seed, answers };
    this.app.session.decide("correct", { candidate, score, low, high, pointCheck, event });
  }

  leave() {
    const { zoom } = this.running;
    this.running = null;
    this.root.hidden = true;
    this.app.stage.marker = null;
    this.app.stage.setZoom(zoom);
    this.app.view.focusStage();
  }

  /** The canvas shows something: a check of another candidate ends. */
  painted(candidate) {
    if (this.active && candidate?.id !== this.running.candidate.id) this.leave();
  }

  /** Take a key; true when it is not for the canvas. */
  takes(event, binding) {
    if (!this.active) return false;
    if (binding && VIEWING.has(binding.action)) return false;
    const act = {
      y: () => this.answer(true),
      1: () => this.answer(true),
      n: () => this.answer(false),
      0: () => this.answer(false),
      s: () => this.answer(null),
      u: () => this.back(),
      Backspace: () => this.back(),
      Enter: () => this.record(event),
      Escape: () => this.leave(),
      p: () => this.leave(),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act && !event.repeat) act();
    return Boolean(act) || Boolean(binding);
  }

  update() {
    const { stage, data } = this.app;
    const { points, strata, weights, answers, candidate, design } = this.running;
    this.root.hidden = false;
    this.design.value = design;
    const next = points[answers.length];
    stage.marker = next ? { x: next[0] + 0.5, y: next[1] + 0.5 } : null;
    if (next) {
      this.goTo(next);
      const id = stage.mask?.ids[next[1] * stage.mask.width + next[0]];
      const name = data.classes.find((entry) => entry.id === id)?.name ?? "this class";
      setText(this.question, `Point ${answers.length + 1}: is this ${name}?`);
    } else {
      stage.draw();
      setText(this.question, `All ${points.length} points are answered`);
    }
    const found = estimate(strata, weights, answers);
    setText(
      this.figures,
      found ? `${percent(found.accuracy)} right (${percent(found.low)} to ${percent(found.high)}), ${found.n} points` : `Accuracy of ${candidate.segmenter}, 90 % interval`,
    );
    setText(this.advice, found ? adviceOf(found) : "");
    this.recordButton.disabled = !found || found.n < FEWEST;
  }

  goTo([x, y]) {
    const { stage } = this.app;
    const { frame } = stage.panes()[0];
    const close = Math.min(frame.width, frame.height) / SHOWN_PX;
    const scale = this.running.answers.length === 0 ? Math.max(close, stage.transform().scale) : stage.transform().scale;
    stage.setZoom({ scale, x: (x + 0.5) / stage.image.width, y: (y + 0.5) / stage.image.height });
  }
}

function adviceOf(found) {
  if (found.n < FEWEST) return `at least ${FEWEST} points`;
  if (found.narrow) return "Narrow enough: Enter records it";
  return `about ${pointsToGo(found)} more for ± ${Math.round(NARROW * 100)} points`;
}
