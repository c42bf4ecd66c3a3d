// The picture of a survey: the image around the point with a cross on it, and a small overview.

import { el, setText } from "./dom.js";
import { listenForGestures } from "./gestures.js";

const SHOWN_PX = 128; // of the image around a point, at first
const LARGEST_SCALE = 32;
const OVERVIEW_PX = 132;

export class SurveyPicture {
  constructor() {
    this.canvas = el("canvas", { class: "canvas" });
    this.overview = el("canvas", { class: "survey-overview", "aria-hidden": "true" });
    this.notice = el("div", { class: "cover", role: "status" });
    this.root = el("div", { class: "stage survey-picture", tabindex: 0, role: "img", "aria-label": "Image around the point" }, this.canvas, this.overview, this.notice);
    this.file = null;
    this.point = null;
    this.cross = true;
    this.reset();
    this.resizes = new ResizeObserver(() => this.draw());
    this.resizes.observe(this.root);
    listenForGestures(this.canvas, this);
  }

  dispose() {
    this.resizes.disconnect();
  }

  /** Forget where the last point was looked at. */
  reset() {
    this.shownPx = this.shownPx ?? SHOWN_PX; // the zoom stays from point to point
    this.offset = [0, 0];
  }

  show(file, point, image, failure) {
    this.file = file;
    this.point = point;
    setText(this.notice, file || !point ? "" : failure ? `The image could not be loaded: ${failure.message}` : "Loading…");
    this.notice.hidden = Boolean(file) || !point;
    this.draw();
  }

  get scale() {
    const side = Math.min(this.root.clientWidth, this.root.clientHeight) || 1;
    return side / this.shownPx;
  }

  draw() {
    const { canvas, file, point } = this;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [this.root.clientWidth, this.root.clientHeight];
    canvas.width = Math.max(1, Math.round(width * ratio));
    canvas.height = Math.max(1, Math.round(height * ratio));
    const context = canvas.getContext("2d");
    this.overview.hidden = !file || !point;
    if (!file || !point) return;
    const { scale } = this;
    const [x, y] = this.centre();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.imageSmoothingEnabled = scale < 3;
    context.save();
    context.translate(width / 2, height / 2);
    context.scale(scale, scale);
    context.drawImage(file.bitmap, -x, -y);
    context.restore();
    if (this.cross) this.drawCross(context, width / 2 + (point.x_px + 0.5 - x) * scale, height / 2 + (point.y_px + 0.5 - y) * scale, scale);
    this.drawOverview(ratio, x, y, width / scale, height / scale);
  }

  centre() {
    return [this.point.x_px + 0.5 + this.offset[0], this.point.y_px + 0.5 + this.offset[1]];
  }

  // The pixel itself stays free: what is judged must not be covered.
  drawCross(context, x, y, scale) {
    const inner = Math.max(6, scale * 0.75);
    const outer = inner + 22;
    for (const [colour, width] of [["#000000", 4], ["#ffffff", 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + dx * inner, y + dy * inner);
        context.lineTo(x + dx * outer, y + dy * outer);
      }
      if (scale >= 4) context.rect(x - scale / 2, y - scale / 2, scale, scale);
      context.stroke();
    }
  }

  drawOverview(ratio, x, y, shownWidth, shownHeight) {
    const { overview, file } = this;
    const shrink = OVERVIEW_PX / Math.max(file.width, file.height);
    const [width, height] = [file.width * shrink, file.height * shrink];
    overview.width = Math.round(width * ratio);
    overview.height = Math.round(height * ratio);
    overview.style.width = `${width}px`;
    overview.style.height = `${height}px`;
    const context = overview.getContext("2d");
    context.scale(ratio, ratio);
    context.drawImage(file.bitmap, 0, 0, width, height);
    for (const [colour, line] of [["#000000", 3], ["#ffffff", 1.5]]) {
      context.strokeStyle = colour;
      context.lineWidth = line;
      context.strokeRect((x - shownWidth / 2) * shrink, (y - shownHeight / 2) * shrink, shownWidth * shrink, shownHeight * shrink);
    }
  }

  // -- what gestures and keys ask for ---------------------------------------------------------

  zoomBy(factor) {
    const side = Math.min(this.root.clientWidth, this.root.clientHeight) || 1;
    const largest = this.file ? Math.max(this.file.width, this.file.height) * 1.2 : 4096;
    this.shownPx = Math.max(side / LARGEST_SCALE, Math.min(largest, this.shownPx / factor));
    this.draw();
  }

  panBy(dx, dy) {
    this.offset = [this.offset[0] - dx / this.scale, this.offset[1] - dy / this.scale];
    this.draw();
  }

  fit() {
    this.shownPx = SHOWN_PX;
    this.offset = [0, 0];
    this.draw();
  }

  toggleCross() {
    this.cross = !this.cross;
    this.draw();
  }

  pick() {}

  hover() {}
}
