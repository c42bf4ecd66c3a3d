// Marking errors: areas of the selected mask that are wrong, painted or outlined, and the score that
// is left. While it runs it has the pointer and the keys of decisions; those for viewing stay.

import { VIEWING } from "./bindings.js";
import { button, el, percent, setAttribute, setSlider, setText } from "./dom.js";
import { outline } from "./mark_layer.js";
import { Marks } from "./marks.js";
import { contains } from "./panes.js";
import { RecordedMarks } from "./recorded_marks.js";

const SIZES_PX = [1, 3, 5, 9, 15, 25, 41, 65, 101, 151, 201]; // of the brush; odd, around a pixel
const MOST_CHARACTERS = 32_000; // of an encoded bitmap; the server takes no more
const CORNER_PX = 3; // of the screen: a nearer corner is the one before
const TOOLS = { brush: ["Brush", "1"], polygon: ["Polygon", "2"], eraser: ["Eraser", "3"] };
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Marking {
  /** @param app {server, session, view, preferences, stage} */
  constructor(app) {
    this.app = app;
    this.recorded = new RecordedMarks(app);
    this.candidate = null; // being marked
    this.marks = null;
    this.tool = "brush";
    this.corners = []; // of the open polygon, mask px
    this.cursor = null; // where pointer or arrows are, mask px
    this.title = el("strong", { class: "mark-title" });
    this.figures = el("span", { class: "figure mark-figures", role: "status" });
    const act = (label, key, onClick, kind = "small") => button({ label, key, kind, onClick });
    this.tools = Object.entries(TOOLS).map(([tool, [label, key]]) => {
      const node = act(label, key, () => this.choose(tool));
      node.dataset.tool = tool;
      return node;
    });
    this.size = el("input", {
      type: "range",
      min: 0,
      max: 10 * (SIZES_PX.length - 1),
      step: 10,
      class: "slider",
      "aria-label": "Brush size",
      title: "Brush size in pixels of the image (, and .)",
      on: { input: (event) => this.resize(Number(event.target.value) / 10) },
    });
    this.sizeText = el("output", { class: "figure brush-size" });
    this.recordButton = act("Record", "⏎", (event) => this.enter(event), "small primary");
    this.root = el(
      "div",
      { class: "task-bar", role: "group", "aria-label": "Mark errors", hidden: true },
      el("div", { class: "task-line" }, this.title, ...this.tools, this.size, this.sizeText),
      el(
        "div",
        { class: "task-line" },
        this.figures,
        act("Back", "⌫", () => this.back()),
        act("Clear", "Del", () => this.clear()),
        this.recordButton,
        act("Leave", "Esc", () => this.leave()),
      ),
    );
  }

  get active() {
    return this.marks !== null;
  }

  get brushPx() {
    return SIZES_PX[this.app.preferences.get("brush")] ?? SIZES_PX[4];
  }

  async toggle() {
    if (this.active) return this.leave();
    const { session, view } = this.app;
    const { candidate } = session;
    if (!candidate) return view.hint("No candidate to mark");
    if (!session.ready({ needsMask: true })) return;
    try {
      const before = await this.recorded.of(candidate);
      if (session.candidate?.id === candidate.id && session.painted?.maskShown && !this.active) this.start(candidate, before);
    } catch (error) {
      view.hint(`Your earlier marks could not be loaded: ${error.message}`);
    }
  }

  start(candidate, before) {
    const { session, stage, view } = this.app;
    const marks = new Marks(session.media.get(candidate.mask));
    if (marks.valid === 0) return view.hint("No pixel of this mask has a class: there is nothing to mark");
    if (before) marks.load(before);
    Object.assign(this, { candidate, marks, corners: [], cursor: null });
    session.entry.clear();
    stage.marks = marks;
    stage.tool = this;
    stage.canvas.classList.add("marking");
    this.root.hidden = false;
    view.focusStage();
    view.update(session);
    this.update();
  }

  /** What is marked stays with its candidate until that is decided. */
  leave() {
    if (!this.active) return;
    const { session, stage, view } = this.app;
    const { candidate, marks } = this;
    marks.end();
    if (marks.count > 0) session.marks.set(candidate.id, { ...marks.encode(), mask_sha256: candidate.mask_sha256 });
    else session.marks.delete(candidate.id);
    Object.assign(this, { candidate: null, marks: null, corners: [] });
    stage.tool = null;
    stage.canvas.classList.remove("marking");
    this.root.hidden = true;
    stage.marks = this.recorded.shown();
    stage.draw();
    view.focusStage();
    view.update(session);
  }

  /** The canvas is about to show something: marks of another mask go, those of this one come. */
  painted(candidate) {
    if (this.active && (candidate?.id !== this.candidate.id || candidate.mask_sha256 !== this.candidate.mask_sha256)) this.leave();
    if (!this.active) this.app.stage.marks = this.recorded.shown();
  }

  toggleShown() {
    if (this.active) return;
    this.recorded.toggle();
  }

  /** Keep true what the buttons of the mode, of the decision and of earlier marks say. */
  label(panel) {
    setAttribute(panel.mark, "aria-pressed", this.active);
    this.recorded.label(this.active);
    if (!this.active) return;
    // Confirming the prediction would throw away what is marked.
    setText(panel.confirmLabel, "Record what is marked");
    panel.confirm.disabled = false;
  }

  // -- the pointer, in CSS px of the canvas -----------------------------------------------------

  begin(x, y, shift) {
    const { stage, view } = this.app;
    this.pane = stage.paneAt(x, y);
    if (!stage.isSelected(this.pane)) return view.hint(`Only ${this.candidate.segmenter} is being marked`);
    this.cursor = this.placeAt(x, y);
    if (this.tool === "polygon") this.addCorner();
    else {
      this.marks.begin(this.tool === "brush" && !shift);
      this.brushTo(this.cursor, this.cursor);
    }
    this.changed();
  }

  drag(x, y) {
    if (!this.marks.stroke) return;
    const before = this.cursor;
    this.cursor = this.placeAt(x, y);
    this.brushTo(before, this.cursor);
  }

  end() {
    this.marks.end();
    this.changed();
  }

  /** A second finger came down: what the first one began was not meant. */
  cancel() {
    if (this.tool === "polygon") this.corners.pop();
    else if (this.marks.stroke) this.marks.undo();
    this.changed();
  }

  hover(x, y) {
    if (this.marks.stroke) return this.changed(); // drag has been there
    this.pane = x === null ? null : this.app.stage.paneAt(x, y);
    this.cursor = this.pane && this.placeAt(x, y);
    this.changed();
  }

  placeAt(x, y) {
    const [u, v] = this.app.stage.placeAt(this.pane, x, y);
    return [u * this.marks.width, v * this.marks.height];
  }

  // -- tools ------------------------------------------------------------------------------------

  brushTo(from, to) {
    this.marks.brush(from, to, this.brushPx);
  }

  addCorner() {
    const last = this.corners.at(-1);
    const near = CORNER_PX / this.screenPx;
    // The second press of a double click is no corner of its own.
    if (!last || Math.hypot(last[0] - this.cursor[0], last[1] - this.cursor[1]) > near) this.corners.push(this.cursor);
  }

  /** Fill the open polygon; a double click does it too. */
  close() {
    if (this.tool !== "polygon" || this.corners.length === 0) return;
    if (this.corners.length < 3) return this.app.view.hint("A polygon needs three corners");
    this.marks.begin(true);
    this.marks.fill(this.corners);
    this.marks.end();
    this.corners = [];
    this.changed();
  }

  choose(tool) {
    this.tool = tool;
    this.corners = [];
    this.changed();
  }

  resize(index) {
    this.app.preferences.set("brush", Math.min(SIZES_PX.length - 1, Math.max(0, index)));
    this.changed();
  }

  back() {
    if (this.corners.length > 0) this.corners.pop();
    else if (!this.marks.undo()) this.app.view.hint("No stroke to take back");
    this.changed();
  }

  clear() {
    this.corners = [];
    this.marks.clear();
    this.changed();
  }

  // -- keys -------------------------------------------------------------------------------------

  /** Take a key; true when it is not for the canvas. */
  takes(event, binding) {
    if (!this.active) return false;
    if (binding && VIEWING.has(binding.action)) return false;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const brush = this.app.preferences.get("brush");
    const again = {
      ",": () => this.resize(brush - 1),
      ".": () => this.resize(brush + 1),
      ...Object.fromEntries(Object.entries(MOVES).map(([name, by]) => [name, () => this.move(by, event.shiftKey)])),
    }[key];
    const once = {
      1: () => this.choose("brush"),
      2: () => this.choose("polygon"),
      3: () => this.choose("eraser"),
      d: () => this.put(event.shiftKey),
      u: () => this.back(),
      Backspace: () => this.back(),
      Delete: () => this.clear(),
      Enter: () => this.enter(event),
      Escape: () => this.escape(),
    }[key];
    if (again) again();
    else if (event.repeat) return Boolean(once) || Boolean(binding);
    else if (once) once();
    else if (binding?.action === "markErrors") this.leave();
    return Boolean(again) || Boolean(once) || Boolean(binding);
  }

  /** Move the brush by half its size, or by one pixel, and the image along where it would go out of sight. */
  move([dx, dy], fine) {
    const { stage } = this.app;
    const step = fine ? 1 : Math.max(1, Math.round(this.brushPx / 2));
    const from = this.cursor ?? this.middle();
    this.cursor = [within(from[0] + dx * step, this.marks.width), within(from[1] + dy * step, this.marks.height)];
    const { frame } = stage.panes()[0];
    const [u, v] = this.asShares(this.cursor);
    if (!contains(frame, ...stage.onScreen(frame, u, v))) stage.setZoom({ ...stage.transform(), x: u, y: v });
    this.changed();
  }

  /** Put the brush down, or a corner, where the arrows have brought it. */
  put(erase) {
    if (!this.cursor) {
      this.cursor = this.middle();
      this.app.view.hint("Arrows move, D puts the brush or a corner there");
    } else if (this.tool === "polygon") this.addCorner();
    else {
      this.marks.begin(this.tool === "brush" && !erase);
      this.brushTo(this.cursor, this.cursor);
      this.marks.end();
    }
    this.changed();
  }

  enter(event) {
    if (this.corners.length > 0) this.close();
    else this.record(event);
  }

  escape() {
    if (this.corners.length === 0) return this.leave();
    this.corners = [];
    this.changed();
  }

  record(event) {
    const { session, view } = this.app;
    const { marks } = this;
    if (!session.ready({ needsMask: true })) return;
    marks.end();
    if (marks.count === 0) return view.hint("Nothing is marked: paint what is wrong, or leave with Esc and confirm");
    const { size, counts } = marks.encode();
    if (counts.length > MOST_CHARACTERS) return view.hint("Too many small marks to send: use a larger brush");
    const { score } = marks;
    this.leave();
    session.decide("correct", { candidate: session.painted.candidate, score, marks: { size, counts }, stay: event.shiftKey, event });
  }

  // -- what is seen -----------------------------------------------------------------------------

  changed() {
    this.app.stage.draw();
    this.update();
  }

  update() {
    const { marks, tool } = this;
    setText(this.title, `Wrong in ${this.candidate.segmenter}`);
    for (const node of this.tools) setAttribute(node, "aria-pressed", node.dataset.tool === tool);
    const size = this.app.preferences.get("brush");
    setSlider(this.size, size * 10);
    setAttribute(this.size, "aria-valuetext", `${this.brushPx} px`);
    setText(this.sizeText, `${this.brushPx} px`);
    setAttribute(this.figures, "aria-busy", marks.stroke !== null); // read out once a stroke is done
    this.root.classList.toggle("faded", marks.stroke !== null); // strokes also go on beneath it
    setText(this.figures, this.said());
    this.recordButton.disabled = marks.count === 0 && this.corners.length === 0;
  }

  said() {
    const { marks, corners } = this;
    if (corners.length > 0) return `${corners.length} ${corners.length === 1 ? "corner" : "corners"}: Enter or a double click closes`;
    if (marks.count === 0) return "Nothing marked yet";
    return `${percent(marks.share, 1)} of valid pixels marked wrong → score ${percent(marks.score)}`;
  }

  /** Called by the stage after everything else: the brush, and the polygon while it is open. */
  draw(panes) {
    const { stage } = this.app;
    const { context, ratio } = stage;
    for (const { frame, clip } of panes.filter((pane) => stage.isSelected(pane))) {
      const onScreen = (place) => stage.onScreen(frame, ...this.asShares(place));
      outline(context, ratio, clip, this.tool === "eraser", (path) => {
        if (this.tool === "polygon") drawPolygon(path, this.corners.map(onScreen), this.cursor && onScreen(this.cursor));
        else if (this.cursor) path.arc(...onScreen(this.cursor.map((value) => Math.floor(value) + 0.5)), Math.max(2, (this.brushPx / 2) * this.screenPx), 0, 2 * Math.PI);
      });
    }
  }

  /** CSS px of the screen for one of the mask. */
  get screenPx() {
    const { stage } = this.app;
    return (stage.transform().scale * stage.image.width) / this.marks.width;
  }

  middle() {
    const { x, y } = this.app.stage.transform();
    return [x * this.marks.width, y * this.marks.height];
  }

  asShares([x, y]) {
    return [x / this.marks.width, y / this.marks.height];
  }
}

function drawPolygon(path, corners, cursor) {
  for (const [index, corner] of corners.entries()) path[index === 0 ? "moveTo" : "lineTo"](...corner);
  if (cursor && corners.length > 0) path.lineTo(...cursor);
  if (corners.length > 1) path.closePath();
  for (const [x, y] of corners) path.rect(x - 3, y - 3, 6, 6);
  if (!cursor) return;
  for (const [dx, dy] of [[1, 0], [0, 1]]) {
    path.moveTo(cursor[0] - 8 * dx, cursor[1] - 8 * dy);
    path.lineTo(cursor[0] + 8 * dx, cursor[1] + 8 * dy);
  }
}

function within(value, length) {
  return Math.min(length - 0.5, Math.max(0.5, value));
}
