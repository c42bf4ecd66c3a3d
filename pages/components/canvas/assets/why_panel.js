// "Why this score": what drove the score of the selected candidate, where in the image, whether that
// is so, and the labelled candidates most like it. It stands beside the image and takes no key but
// Esc, so that one reads and decides at once; it follows the selection.

import { button, el, percent, setAttribute, setText } from "./dom.js";
import { markedCells, paintCells, quarterOf } from "./why_map.js";
import { deletionPlot, points, waterfall } from "./why_plots.js";

const METHODS = { "grad-cam": "Grad-CAM", occlusion: "Occlusion", lime: "LIME" };
const ABOUT = {
  "grad-cam": "By the gradients of the head’s last layer.",
  occlusion: "By taking each of 64 places away.",
  lime: "By taking regions of the mask away at random.",
};
const WAIT_MS = 250; // whoever goes through candidates quickly asks for none of them
const TIMEOUT_MS = 90_000; // the first answer waits until the models are loaded
const KEPT = 60;
const THUMB_PX = 112;

export class Why {
  /** @param app {server, session, view, preferences, stage} */
  constructor(app) {
    this.app = app;
    this.active = false;
    this.method = "grad-cam";
    this.mapShown = true;
    this.known = new Map(); // candidate, score and method -> answer, oldest first
    this.shownKey = null;
    this.asked = null; // key of the answer that is awaited
    this.about = el("span", { class: "muted small why-about" });
    this.status = el("p", { class: "why-status", role: "status" });
    this.methods = Object.entries(METHODS).map(([method, text]) =>
      el("button", { type: "button", class: "segment", text, title: ABOUT[method], "data-method": method, on: { click: () => this.choose(method) } }),
    );
    this.mapButton = button({ label: "Map over the image", iconName: "eye", iconOnly: true, onClick: () => this.toggleMap() });
    this.retry = button({ label: "Try again", kind: "small", onClick: () => this.ask() });
    this.shares = el("div");
    this.places = el("div", { class: "why-part" });
    this.examples = el("div", { class: "why-part" });
    this.body = el("div", { class: "why-body", tabindex: 0, role: "group", "aria-label": "Explanation" });
    this.root = el(
      "section",
      { class: "why", "aria-label": "Why this score", hidden: true },
      el(
        "div",
        { class: "why-head" },
        el("h2", { text: "Why this score" }),
        this.about,
        button({ label: "Close", iconName: "cross", iconOnly: true, title: "Close (Esc)", onClick: () => this.close() }),
      ),
      this.body,
    );
    this.body.append(
      el("div", { class: "why-top" }, this.shares, el("div", { class: "why-wait" }, this.status, this.retry)),
      el("div", { class: "why-line" }, el("div", { class: "segments", role: "group", "aria-label": "How places are found" }, ...this.methods), this.mapButton),
      this.places,
      this.examples,
    );
  }

  dispose() {
    clearTimeout(this.timer);
    this.disposed = true;
  }

  toggle() {
    if (this.active) return this.close();
    if (!this.app.session.candidate) return this.app.view.hint("No candidate to explain");
    this.active = true;
    this.mapShown = true;
    this.root.hidden = false;
    this.app.view.root.classList.add("explaining");
    this.update(0);
    this.app.view.update(this.app.session);
  }

  close() {
    if (!this.active) return;
    const { session, stage, view } = this.app;
    this.active = false;
    this.asked = null;
    clearTimeout(this.timer);
    this.root.hidden = true;
    view.root.classList.remove("explaining");
    stage.why = null;
    session.paint();
    view.focusStage();
  }

  /** Esc closes, after it has left a typed score. */
  takes(event) {
    if (!this.active || event.key !== "Escape" || this.app.session.entry.active) return false;
    this.close();
    return true;
  }

  /** The canvas is about to show something: explain that. */
  painted(candidate) {
    if (!this.active) return;
    const key = candidate && this.keyOf(candidate);
    if (key !== this.shownKey) this.update(WAIT_MS, candidate);
    this.app.stage.why = this.mapShown && this.answer?.map ? this.answer.map : null;
  }

  label(panel) {
    setAttribute(panel.why, "aria-pressed", this.active);
  }

  choose(method) {
    this.method = method;
    this.mapShown = true;
    this.update(0);
    this.app.session.paint();
  }

  hideMap() {
    if (!this.active || !this.mapShown) return;
    this.mapShown = false;
    this.app.stage.why = null;
    this.app.stage.draw();
    setAttribute(this.mapButton, "aria-pressed", false);
  }

  toggleMap() {
    this.mapShown = !this.mapShown;
    setAttribute(this.mapButton, "aria-pressed", this.mapShown);
    this.app.session.paint();
  }

  keyOf(candidate) {
    const { score } = candidate;
    return `${candidate.id} ${candidate.mask_sha256} ${score ? `${score.head_id} ${score.value}` : candidate.hidden} ${this.method}`;
  }

  /** Show what is known of a candidate; what is not is asked for after a while. */
  update(afterMs, candidate = this.app.session.candidate) {
    clearTimeout(this.timer);
    this.asked = null;
    this.answer = null;
    this.shownKey = candidate && this.keyOf(candidate);
    for (const node of this.methods) setAttribute(node, "aria-pressed", node.dataset.method === this.method);
    setAttribute(this.mapButton, "aria-pressed", this.mapShown);
    setText(this.about, candidate ? candidate.segmenter : "");
    const answer = this.known.get(this.shownKey);
    if (answer) return this.show(answer);
    const obstacle = obstacleTo(candidate);
    this.say(obstacle ?? "Working it out… The first time takes some seconds.", obstacle ? "" : "busy");
    if (!obstacle) this.timer = setTimeout(() => this.ask(), afterMs);
  }

  async ask() {
    const { server, session } = this.app;
    const key = this.shownKey;
    const { candidate } = session;
    if (!this.active || !candidate || this.asked === key || this.keyOf(candidate) !== key) return;
    this.asked = key;
    this.say("Working it out… The first time takes some seconds.", "busy");
    let answer;
    try {
      answer = await server.json(`candidates/${candidate.id}/why?method=${this.method}`, { timeoutMs: TIMEOUT_MS });
    } catch (error) {
      if (this.asked === key) {
        this.asked = null;
        this.say(`No explanation: ${error.message}`, "failed");
      }
      return;
    }
    if (this.disposed) return;
    answer.map = paintCells(answer.cells);
    this.known.set(key, answer);
    if (this.known.size > KEPT) this.known.delete(this.known.keys().next().value);
    if (this.asked !== key) return; // it is kept for when somebody comes back
    this.asked = null;
    this.show(answer);
    session.paint();
  }

  say(text, state) {
    setText(this.status, text);
    setAttribute(this.status, "data-state", state);
    this.status.hidden = text === "";
    this.retry.hidden = state !== "failed";
    // What is on its way keeps its room, so that nothing moves when it comes.
    for (const part of [this.shares, this.places, this.examples]) part.classList.toggle("vacant", text !== "");
  }

  show(answer) {
    this.answer = answer;
    this.say("", "");
    this.shares.replaceChildren(waterfall(answer));
    this.places.replaceChildren(
      el("div", { class: "why-scale", "aria-hidden": "true" }, el("span", { text: "takes away" }), el("i"), el("span", { text: "adds" })),
      el("p", { class: "small why-sentence", text: sentenceOf(answer) }),
      deletionPlot(answer.deletion),
      el("p", { class: "muted why-remark", text: faithOf(answer.deletion) }),
    );
    this.examples.replaceChildren(el("h3", { text: "Labelled candidates most like it" }), this.thumbnails(answer.examples));
  }

  thumbnails(examples) {
    if (examples.length === 0) return el("p", { class: "muted small", text: "No other image of this project has a label yet." });
    return el("div", { class: "why-examples" }, ...examples.map((one) => this.thumbnail(one)));
  }

  thumbnail({ image_id: imageId, image, segmenter, label, likeness, display }) {
    const canvas = el("canvas", { width: THUMB_PX, height: THUMB_PX, "aria-hidden": "true" });
    const address = new URL(window.location.pathname, window.location.origin);
    address.searchParams.set("project", this.app.data.project.slug);
    address.searchParams.set("item", imageId);
    this.draw(canvas, display);
    return el(
      "a",
      {
        class: "why-example",
        href: address.href,
        target: "_blank",
        rel: "noopener",
        title: `${segmenter} on ${image}: label ${percent(label)}, ${percent(likeness)} alike. Opens in a new tab.`,
        "aria-label": `${segmenter} on ${image}, label ${percent(label)}, ${percent(likeness)} alike, in a new tab`,
      },
      canvas,
      el("strong", { text: percent(label) }),
      el("span", { class: "muted", text: `${percent(likeness)} alike` }),
    );
  }

  /** Pictures come with the token, and leave their place empty when they do not come. */
  async draw(canvas, display) {
    try {
      const bitmap = await createImageBitmap(await this.app.server.blob(display));
      const side = Math.min(bitmap.width, bitmap.height);
      canvas.getContext("2d").drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, THUMB_PX, THUMB_PX);
      bitmap.close();
    } catch {
      // The label and its likeness are what matters.
    }
  }
}

function obstacleTo(candidate) {
  if (!candidate) return "No candidate is selected.";
  if (candidate.hidden) return "Hidden until you have decided.";
  return candidate.score ? null : "Not scored yet, so there is nothing to explain. Score the project first.";
}

function sentenceOf({ cells, deletion }) {
  const quarter = quarterOf(cells);
  const [own, chance] = [deletion.by_map[quarter], deletion.by_chance[quarter]];
  const what = markedCells(cells).size === quarter ? "the outlined quarter" : "a quarter of the image, within the outline,";
  const size = (fall) => points(fall).slice(1);
  const alike = own > 0 === chance > 0;
  const random = alike ? `by ${size(chance)}` : `${chance > 0 ? "lowers" : "raises"} it by ${size(chance)}`;
  return `Taking away ${what} ${own > 0 ? "lowers" : "raises"} the score by ${size(own)} points; a random quarter ${random}.`;
}

function faithOf({ faithfulness }) {
  if (faithfulness === null) return "No place makes a difference to this score, so the map says nothing.";
  const share = Math.round(faithfulness * 100);
  if (share <= 0) return "This map is no better than chance here: do not go by it.";
  return `Faithfulness ${share} %: 0 % is chance, 100 % the best order of places.`;
}
