// Everything on screen, put together and kept in step with the session.

import { Candidates } from "./candidates.js";
import { DecidePanel } from "./decide_panel.js";
import { Dialogs } from "./dialogs.js";
import { button, el, percent, setAttribute, setText } from "./dom.js";
import { Filmstrip } from "./filmstrip.js";
import { metresPerPixel, placeAt, placeText, scaleBar } from "./ground.js";
import { HeatNotice } from "./heat_notice.js";
import { labelKeys } from "./key_labels.js";
import { Legend } from "./legend.js";
import { PaneLabels } from "./pane_labels.js";
import { needsRivals } from "./panes.js";
import { failedCard, finishedCard, loadingCard, problemCard } from "./notices.js";
import { classColours, lookupTable } from "./palette.js";
import { Prediction } from "./prediction.js";
import { Stage } from "./stage.js";
import { Toolbar } from "./toolbar.js";
import { shorten, Topbar } from "./topbar.js";

const HINT_MS = 2200;
const DONE_WORDS = {
  confirm: "Confirmed",
  correct: "Recorded",
  skip: "Skipped",
  flag: "Flagged",
  none_acceptable: "None acceptable",
  note: "Note",
};

export class View {
  constructor(data, preferences, actions) {
    this.data = data;
    this.preferences = preferences;
    this.actions = actions;
    this.under = []; // class and place under the pointer
    this.values = ""; // and what the bands hold there
    this.topbar = new Topbar({
      onBlind: () => actions.blind(),
      onRefused: () => actions.showRefused(),
      onOrder: (order) => actions.chooseOrder(order),
    });
    this.toolbar = new Toolbar(actions);
    this.candidates = new Candidates({ onSelect: (id) => actions.select(id), onMake: () => actions.go("home") });
    this.panel = new DecidePanel(actions);
    this.legend = new Legend({
      onToggle: (id) => this.toggleClass(id),
      onPalette: () => this.togglePalette(),
      onAll: () => this.setHidden(new Set()),
    });
    this.prediction = new Prediction();
    this.filmstrip = new Filmstrip({ onOpen: (id, event) => actions.open(id, event) });
    this.dialogs = new Dialogs({
      onClosed: () => this.focusStage(),
      onDismiss: (id) => actions.dismiss(id),
      onKeys: () => labelKeys(this.root),
    });
    this.build();
    labelKeys(this.root);
    this.legend.setClasses(data.classes);
    this.hidden = preferences.hiddenClasses(data.project.id);
    this.colour();
    this.root.addEventListener("click", (event) => this.giveKeysBack(event));
    this.root.addEventListener("pointerup", (event) => this.giveKeysBack(event));
  }

  build() {
    const canvas = el("canvas", { class: "canvas" });
    this.preview = el("div", { class: "preview", "aria-hidden": "true" });
    this.previewTyped = el("span", { class: "preview-typed" });
    this.previewValue = el("span", { class: "preview-value" });
    this.preview.append(
      this.previewTyped,
      this.previewValue,
      el("span", { class: "preview-help", text: "Enter records · Shift+Enter stays · Esc leaves" }),
    );
    this.hintBox = el("div", { class: "hint", role: "status", "aria-live": "polite" });
    this.readout = el("div", { class: "readout", "aria-hidden": "true" });
    this.scale = el("div", { class: "scale", hidden: true, "aria-label": "Scale" });
    this.caption = el("div", { class: "caption" });
    this.captionName = el("span", { class: "caption-name" });
    this.captionExtra = el("span", { class: "chip" });
    this.caption.append(this.captionName, this.captionExtra);
    this.cover = el("div", { class: "cover" });
    this.paneLabels = new PaneLabels();
    this.heat = new HeatNotice(() => this.actions.retryMedia());
    this.maskNotice = el(
      "div",
      { class: "banner bad", hidden: true },
      el("span", { text: "The mask could not be loaded." }),
      button({ label: "Try again", kind: "small", onClick: () => this.actions.retryMedia() }),
    );
    this.ranking = el("button", {
      type: "button",
      class: "banner good",
      hidden: true,
      on: { click: () => this.actions.reload() },
    });
    this.host = el(
      "div",
      { class: "stage", tabindex: 0, role: "group", "aria-roledescription": "review canvas" },
      canvas,
      this.paneLabels.root,
      this.heat.root,
      this.caption,
      this.readout,
      this.scale,
      this.cover,
      el("div", { class: "banners" }, this.ranking, this.maskNotice),
      this.preview,
      this.hintBox,
    );
    const strip = el("aside", { class: "strip", "aria-label": "Decision" }, this.candidates.root, this.panel.root, this.legend.root, this.prediction.root);
    this.root = el(
      "div",
      { class: "rsqa" },
      this.topbar.root,
      this.toolbar.root,
      this.host,
      strip,
      this.filmstrip.root,
      this.dialogs.root,
    );
    this.stage = new Stage(this.host, canvas, this.preferences, {
      classCount: this.data.classes.length,
      onView: (panes) => this.viewed(panes),
      onHover: (spot) => this.hover(spot),
      onPick: (id) => this.actions.select(id),
    });
  }

  /** Give the modes that have keys of their own their place over the image. */
  adopt(points, marking, bands, why) {
    this.points = points;
    this.marking = marking;
    this.bands = bands;
    this.why = why;
    this.caption.append(bands.root);
    this.host.append(points.root, marking.root, marking.recorded.root);
    this.root.append(why.root);
    labelKeys(this.root);
  }

  dispose() {
    clearTimeout(this.hintTimer);
    clearTimeout(this.laterTimer);
    this.stage.dispose();
    this.root.remove();
  }

  // -- drawing the session ----------------------------------------------------------------------

  /** Draw what the session shows, at once. */
  paint(session, image) {
    this.corners = session.item?.corners ?? null;
    this.points?.painted(session.candidate);
    this.marking?.painted(image ? session.candidate : null);
    this.bands?.painted(session.item);
    this.why?.painted(session.candidate);
    this.stage.show(image, image && shownOf(session));
    const { item } = session;
    let cover = null;
    if (session.problem) cover = ["problem", () => problemCard(session.problem, () => this.actions.reload())];
    else if (!item && session.queue.exhausted) cover = ["finished", () => finishedCard(session, this.actions)];
    else if (!item) cover = ["loading", () => loadingCard("Loading the queue…")];
    else if (!image) {
      const failure = session.media.failure(item.display);
      cover = failure
        ? [`failed ${item.id}`, () => failedCard(failure, () => this.actions.retryMedia())]
        : ["loading", () => loadingCard("Loading the image…")];
    }
    this.setCover(cover, session);
    const candidate = session.candidate;
    this.maskNotice.hidden = !(image && candidate && session.media.failure(candidate.mask));
    this.heat.update(this.stage.why ? "why" : this.preferences.get("mode"), session, Boolean(image));
    const what = item ? `${item.name}${candidate ? `, mask of ${candidate.segmenter}` : ""}` : "No image";
    setAttribute(this.host, "aria-label", what);
    setText(this.captionName, item?.name ?? "");
    setText(this.captionExtra, item?.generated ? "Generated image" : "");
  }

  /** Files beyond image and selected mask for which the view on screen waits. */
  awaits({ item, candidate }) {
    if (this.showsErrors) return [candidate?.errors];
    return needsRivals(this.preferences.get("mode")) ? item.candidates.map((one) => one.mask) : [];
  }

  get blind() {
    return this.preferences.get("blind");
  }

  get showsErrors() {
    return this.preferences.get("mode") === "errors";
  }

  viewed(panes) {
    if (!this.stage) return; // it draws once while it is being made
    this.toolbar.update(this.preferences, this.stage);
    this.measure();
    this.paneLabels.update(panes, this.stage.shown.candidate?.id);
  }

  setCover(cover, session) {
    const key = cover ? `${cover[0]} ${session.queue.generation}` : null;
    if (this.coverKey === key && cover?.[0] !== "finished") return;
    this.coverKey = key;
    this.cover.replaceChildren(...(cover ? [cover[1]()] : []));
    this.cover.hidden = !cover;
  }

  loading(session) {
    this.marking?.leave();
    this.stage.show(null, null);
    this.setCover(["loading", () => loadingCard("Loading the queue…")], session);
  }

  /** Bring the panels up to date, once for however many changes one key makes. */
  update(session) {
    if (this.dirty) return;
    this.dirty = true;
    queueMicrotask(() => {
      this.dirty = false;
      this.refresh(session);
    });
  }

  refresh(session) {
    this.topbar.update(session);
    this.toolbar.update(this.preferences, this.stage);
    this.candidates.update(session);
    this.panel.update(session);
    this.legend.update(session, this.colours, this.hidden, this.preferences.get("palette"));
    this.prediction.update(session);
    this.marking?.label(this.panel);
    this.why?.label(this.panel);
    this.stage.hoverAgain();
    const { entry } = session;
    this.preview.classList.toggle("shown", entry.active && entry.slider === null);
    if (entry.active) {
      setText(this.previewTyped, entry.typed);
      setText(this.previewValue, `${entry.percent} %`);
    }
    this.ranking.hidden = session.newHeadId === null;
    if (session.newHeadId) setText(this.ranking, `New ranking by ${shorten(session.newHeadId)} – press to reload`);
  }

  /** What may come after the frame: the filmstrip, and the data for its past. */
  later(session) {
    clearTimeout(this.laterTimer);
    this.laterTimer = setTimeout(() => {
      this.filmstrip.update(session);
      const missing = this.filmstrip.missing(session);
      if (missing.length > 0) session.fetchPast(missing);
    }, 30);
  }

  thumbnails(session) {
    clearTimeout(this.thumbTimer);
    this.thumbTimer = setTimeout(() => this.filmstrip.update(session), 60);
  }

  decided(kind, score) {
    this.hint(score === null ? DONE_WORDS[kind] : `${DONE_WORDS[kind]} ${percent(score)}`, "done");
  }

  undone(kind) {
    this.hint(`Taken back: ${DONE_WORDS[kind].toLowerCase()}`, "done");
  }

  hint(text, tone = "plain") {
    setText(this.hintBox, text);
    setAttribute(this.hintBox, "data-tone", tone);
    this.hintBox.classList.add("shown");
    clearTimeout(this.hintTimer);
    this.hintTimer = setTimeout(() => this.hintBox.classList.remove("shown"), HINT_MS);
  }

  // -- classes ----------------------------------------------------------------------------------

  colour() {
    this.colours = classColours(this.data.classes, this.preferences.get("palette"));
    this.stage.setTable(lookupTable(this.colours, this.hidden));
  }

  toggleClass(id) {
    const hidden = new Set(this.hidden);
    if (!hidden.delete(id)) hidden.add(id);
    this.setHidden(hidden);
  }

  setHidden(hidden) {
    this.hidden = hidden;
    this.preferences.setHiddenClasses(this.data.project.id, hidden);
    this.colour();
    this.actions.viewChanged();
  }

  togglePalette() {
    this.preferences.set("palette", this.preferences.get("palette") === "safe" ? "project" : "safe");
    this.colour();
    this.actions.viewChanged();
  }

  hover(spot) {
    const classId = spot?.classId ?? null;
    const entry = this.data.classes.find((one) => one.id === classId);
    const name = entry?.name ?? (classId === 255 ? "no label" : "");
    const place = spot && this.corners ? placeText(placeAt(this.corners, spot.u, spot.v)) : "";
    this.under = [name, place];
    this.bands?.hover(spot);
    this.read();
    if (classId !== this.hovered) this.legend.point(classId);
    this.hovered = classId;
  }

  /** What the bands hold under the pointer, once the server said so. */
  readValues(text) {
    this.values = text;
    this.read();
  }

  read() {
    setText(this.readout, [...this.under, this.values].filter(Boolean).join(" · "));
  }

  /** How long a distance is on the ground, where that is known. */
  measure() {
    const { stage, corners } = this;
    this.scale.hidden = !corners || !stage.image;
    if (this.scale.hidden) return;
    const perPixel = metresPerPixel(corners, stage.image.width) / stage.transform().scale;
    const { px, text } = scaleBar(perPixel);
    this.scale.style.width = `${px}px`;
    setText(this.scale, text);
  }

  // -- focus and size ---------------------------------------------------------------------------

  focusStage() {
    this.host.focus({ preventScroll: true });
  }

  /**
   * After a click the keys belong to the canvas again, or Enter would press the button once more.
   * At once, not after a timer: the next key may come before it.
   */
  giveKeysBack(event) {
    if (this.dialogs.open) return;
    const target = event.composedPath()[0];
    if (event.type === "click") {
      // detail is 0 where a key pressed the button: then the focus stays for the next key.
      if (event.detail > 0 && target.closest?.("button")) this.focusStage();
    } else if (target.matches?.("input[type='range'], .swipe")) setTimeout(() => this.focusStage());
  }

  /** Fill the window from where the canvas begins, so that the page itself need not scroll. */
  fitHeight() {
    const top = this.root.getBoundingClientRect().top;
    const height = Math.max(560, Math.floor(window.innerHeight - Math.max(0, top) - 8));
    if (height !== this.fittedHeight) {
      this.fittedHeight = height;
      this.root.style.height = `${height}px`;
    }
  }
}

/** The candidates of the current item by rank, each with its mask where that is here. */
function shownOf(session) {
  const candidates = (session.item?.candidates ?? []).map(({ id, segmenter, score, mask }) => ({
    id,
    segmenter,
    score,
    mask: session.media.get(mask),
  }));
  const candidate = candidates.find((one) => one.id === session.candidate?.id) ?? null;
  const { errors } = session.candidate ?? {};
  return { candidate, candidates, errors: errors ? session.media.get(errors) : null };
}
