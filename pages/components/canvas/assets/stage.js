// The large canvas: image, coloured masks, zoom and pan. Drawing happens at once, in the task that
// asks for it, so that what a key is bound to is what has been drawn.

import { disagreementOf, disputedRegions, paintHeat, REGION_SHARE } from "./disagreement.js";
import { listenForGestures } from "./gestures.js";
import { MarkLayer } from "./mark_layer.js";
import { contains, panesOf } from "./panes.js";
import { paintMask } from "./palette.js";
import { SwipeHandle } from "./swipe_handle.js";

const LARGEST_SCALE = 32;
const OVERLAYS_KEPT = 16;
const BLINK_MS = 450;
const NOTHING = { candidate: null, candidates: [], errors: null };

export class Stage {
  constructor(host, canvas, preferences, { classCount, onView, onHover, onPick }) {
    this.host = host;
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.preferences = preferences;
    this.classCount = classCount;
    this.onView = onView;
    this.onHover = onHover;
    this.onPick = onPick;
    this.image = null; // {bitmap, width, height}
    this.shown = NOTHING;
    this.overlays = new Map(); // mask or map -> coloured canvas, for the current table
    this.disputes = new WeakMap(); // first mask -> {masks, map, regions}
    this.marks = null; // {bitmap}: what is marked as wrong in the selected candidate
    this.why = null; // {colours, outline}: which places carry the score, in place of the chosen view
    this.tool = null; // what has the pointer in place of dragging the image (marking.js)
    this.layer = new MarkLayer();
    this.pointer = [null, null]; // where it is, in CSS px of the canvas
    this.marker = null; // {x, y} in image px: the point that is asked about
    this.visited = -1; // the disputed region that was gone to last
    this.table = new Uint32Array(256);
    this.zoom = preferences.get("zoom");
    this.holding = false;
    this.blinkTimer = null;
    this.blinkOff = false;
    this.width = 0;
    this.height = 0;
    this.swipe = new SwipeHandle(host, (share) => {
      preferences.set("swipe", share);
      this.draw();
    });
    canvas.after(this.swipe.root);
    this.resizes = new ResizeObserver(() => this.resize());
    this.resizes.observe(host);
    listenForGestures(canvas, this);
    this.resize();
  }

  dispose() {
    this.resizes.disconnect();
    clearInterval(this.blinkTimer);
  }

  /**
   * Show an image with what is known of its candidates; null clears.
   *
   * @param shown {candidate, candidates, errors}: the selected candidate and all by rank, each with
   *   its `mask` once that is here; the error map of the selected one
   */
  show(image, shown) {
    if (image !== this.image) this.visited = -1;
    this.image = image;
    this.shown = shown ?? NOTHING;
    this.draw();
  }

  get mask() {
    return this.shown.candidate?.mask ?? null;
  }

  setTable(table) {
    this.table = table;
    this.overlays.clear();
    this.draw();
  }

  hold(on) {
    if (this.holding === on) return;
    this.holding = on;
    this.draw();
  }

  toggleBlink() {
    clearInterval(this.blinkTimer);
    this.blinkOff = false;
    this.blinkTimer = this.blinkTimer
      ? null
      : setInterval(() => {
          this.blinkOff = !this.blinkOff;
          this.draw();
        }, BLINK_MS);
    if (this.blinkTimer) this.blinkOff = true;
    this.draw();
  }

  get blinking() {
    return this.blinkTimer !== null;
  }

  draw() {
    const { context, canvas } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!this.image) {
      this.swipe.update(false, this.preferences.get("swipe"));
      this.onView([]);
      return;
    }
    const ratio = this.ratio;
    const transform = this.transform();
    const scale = transform.scale * ratio;
    const { width, height } = this.image;
    const panes = this.panes();
    for (const pane of panes) {
      const { frame, clip, image, mask, alpha, heat } = pane;
      context.save();
      context.beginPath();
      context.rect(clip.left * ratio, clip.top * ratio, clip.width * ratio, clip.height * ratio);
      context.clip();
      context.setTransform(
        scale,
        0,
        0,
        scale,
        (frame.left + frame.width / 2) * ratio - transform.x * width * scale,
        (frame.top + frame.height / 2) * ratio - transform.y * height * scale,
      );
      if (image) {
        // Seen from close, pixels are what is being judged: no invented values between them.
        context.imageSmoothingEnabled = scale < 2;
        context.globalAlpha = 1;
        context.drawImage(this.image.bitmap, 0, 0, width, height);
      }
      const coloured = alpha > 0 ? this.coloured(mask, heat) : null;
      if (coloured) {
        context.imageSmoothingEnabled = scale < 1;
        context.globalAlpha = alpha;
        context.drawImage(coloured, 0, 0, width, height);
      }
      if (coloured && heat === "why") {
        context.imageSmoothingEnabled = true;
        context.globalAlpha = 1;
        context.drawImage(this.why.outline, 0, 0, width, height);
      }
      if (this.marks && this.visible && this.isSelected(pane)) this.layer.hatch(context, this.marks.bitmap, this.image);
      context.restore();
    }
    if (this.marker) for (const { frame, clip } of panes) this.drawMarker(frame, clip, transform);
    this.tool?.draw(panes);
    this.swipe.update(!this.why && this.preferences.get("mode") === "swipe", this.preferences.get("swipe"));
    this.onView(panes);
  }

  /** Four strokes and a ring around the marked pixel, dark on light, so that it is itself seen. */
  drawMarker(frame, clip, { scale }) {
    const { context, ratio, marker } = this;
    const [x, y] = this.onScreen(frame, marker.x / this.image.width, marker.y / this.image.height);
    const inner = Math.max(6, scale * 0.75);
    context.save();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.beginPath();
    context.rect(clip.left, clip.top, clip.width, clip.height);
    context.clip();
    for (const [colour, width] of [["#ffffff", 4], ["#14161a", 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      context.arc(x, y, inner, 0, 2 * Math.PI);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + dx * inner, y + dy * inner);
        context.lineTo(x + dx * (inner + 14), y + dy * (inner + 14));
      }
      context.stroke();
    }
    context.restore();
  }

  /** Views side by side within the canvas: where each lies, and what it shows. */
  panes() {
    const preferences = this.preferences;
    return panesOf(this, this.shown, {
      mode: this.why ? "why" : preferences.get("mode"),
      opacity: preferences.get("opacity"),
      visible: this.visible,
      swipe: preferences.get("swipe"),
    });
  }

  /** Whether mask and marks are to be seen now. */
  get visible() {
    return !this.holding && !this.blinkOff;
  }

  /** Whether a pane is about the selected candidate, as all are but those of its rivals. */
  isSelected({ candidate }) {
    return !candidate || candidate.id === this.shown.candidate?.id;
  }

  coloured(mask, heat) {
    if (heat === "why") return this.why?.colours ?? null;
    const map = heat === "dispute" ? this.dispute()?.map : heat === "errors" ? this.shown.errors : null;
    const source = heat ? map : mask;
    if (!source) return null;
    let drawn = this.overlays.get(source);
    if (!drawn) {
      drawn = heat ? paintHeat(source) : paintMask(source, this.table);
      this.overlays.set(source, drawn);
      if (this.overlays.size > OVERLAYS_KEPT) {
        this.overlays.delete(this.overlays.keys().next().value);
      }
    }
    return drawn;
  }

  // -- disagreement ---------------------------------------------------------------------------

  /** {map, regions} of the masks that are here, null while there are not two. */
  dispute() {
    const masks = this.shown.candidates.map((one) => one.mask).filter(Boolean);
    if (masks.length < 2) return null;
    let known = this.disputes.get(masks[0]);
    if (known?.masks.length !== masks.length || !known.masks.every((mask, index) => mask === masks[index])) {
      const map = disagreementOf(masks, this.classCount);
      if (!map) return null;
      known = { masks, map, regions: disputedRegions(map) };
      this.disputes.set(masks[0], known);
    }
    return known;
  }

  /** Go to the next disputed region, or by -1 to the one before; returns {number, count} or null. */
  visitDisputed(by) {
    const regions = this.image ? (this.dispute()?.regions ?? []) : [];
    if (regions.length === 0) return null;
    const from = this.visited < 0 && by < 0 ? 0 : this.visited;
    this.visited = (from + by + regions.length) % regions.length;
    const { frame } = this.panes()[0];
    const side = Math.max(this.image.width, this.image.height) * REGION_SHARE;
    const close = Math.min(LARGEST_SCALE, Math.min(frame.width, frame.height) / side);
    const scale = Math.max(close, this.transform().scale);
    this.setZoom({ scale, ...regions[this.visited] });
    return { number: this.visited + 1, count: regions.length };
  }

  // -- zoom and pan ---------------------------------------------------------------------------

  fitScale() {
    if (!this.image) return 1;
    const { frame } = this.panes()[0];
    return Math.min(frame.width / this.image.width, frame.height / this.image.height);
  }

  transform() {
    return this.zoom ?? { scale: this.fitScale(), x: 0.5, y: 0.5 };
  }

  fit() {
    this.setZoom(null);
  }

  /** One image pixel on one pixel of the screen, around the present centre. */
  oneToOne() {
    if (this.image) this.setZoom({ ...this.transform(), scale: 1 / this.ratio });
  }

  /** Zoom by `factor`, keeping the image point under (x, y) of the canvas in place. */
  zoomBy(factor, x = null, y = null) {
    if (!this.image) return;
    const { frame } = x === null ? this.panes()[0] : this.paneAt(x, y);
    const now = this.transform();
    const smallest = Math.min(this.fitScale(), 1) / 2;
    const scale = Math.min(LARGEST_SCALE, Math.max(smallest, now.scale * factor));
    const [fromX, fromY] = x === null ? [0, 0] : fromCentre(frame, x, y);
    const gain = 1 / now.scale - 1 / scale;
    this.setZoom({
      scale,
      x: now.x + (fromX * gain) / this.image.width,
      y: now.y + (fromY * gain) / this.image.height,
    });
  }

  panBy(dx, dy) {
    if (!this.image) return;
    const now = this.transform();
    this.setZoom({
      scale: now.scale,
      x: now.x - dx / now.scale / this.image.width,
      y: now.y - dy / now.scale / this.image.height,
    });
  }

  setZoom(zoom) {
    // The centre stays on the image: nobody loses it out of sight.
    this.zoom = zoom && { scale: zoom.scale, x: clamp01(zoom.x), y: clamp01(zoom.y) };
    this.preferences.set("zoom", this.zoom);
    this.draw();
  }

  paneAt(x, y) {
    const panes = this.panes();
    return panes.find(({ clip }) => contains(clip, x, y)) ?? panes[0];
  }

  /** The place of the image, as fractions, under a point of the canvas within a pane's frame. */
  placeAt({ frame }, x, y) {
    const { scale, x: centreX, y: centreY } = this.transform();
    const [fromX, fromY] = fromCentre(frame, x, y);
    return [centreX + fromX / scale / this.image.width, centreY + fromY / scale / this.image.height];
  }

  /** The point of the canvas at which a frame shows a place of the image. */
  onScreen({ left, top, width, height }, u, v) {
    const { scale, x, y } = this.transform();
    return [left + width / 2 + (u - x) * this.image.width * scale, top + height / 2 + (v - y) * this.image.height * scale];
  }

  /** What lies under a point of the canvas: {u, v, classId}, or null outside of the image. */
  spotAt(x, y) {
    if (!this.image) return null;
    const pane = this.paneAt(x, y);
    const mask = pane.mask ?? this.mask;
    const [u, v] = this.placeAt(pane, x, y);
    if (u < 0 || u >= 1 || v < 0 || v >= 1) return null;
    if (!mask) return { u, v, classId: null };
    const column = Math.floor(u * mask.width);
    const row = Math.floor(v * mask.height);
    return { u, v, classId: mask.ids[row * mask.width + column] };
  }

  // -- size and pointer -----------------------------------------------------------------------

  resize() {
    const ratio = window.devicePixelRatio || 1;
    const width = this.host.clientWidth;
    const height = this.host.clientHeight;
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    [this.width, this.height, this.ratio] = [width, height, ratio];
    this.canvas.width = Math.max(1, Math.round(width * ratio));
    this.canvas.height = Math.max(1, Math.round(height * ratio));
    this.draw();
  }

  hover(x = null, y = null) {
    this.pointer = [x, y];
    this.tool?.hover(x, y);
    this.hoverAgain();
  }

  /** Something else came under the pointer, which stayed where it was. */
  hoverAgain() {
    const [x, y] = this.pointer;
    this.onHover(x === null ? null : this.spotAt(x, y));
  }

  /** A click selects the candidate whose pane it hits, where there are several. */
  pick(x, y) {
    const picked = this.image ? this.paneAt(x, y).candidate : null;
    if (picked) this.onPick(picked.id);
  }
}

function fromCentre({ left, top, width, height }, x, y) {
  return [x - left - width / 2, y - top - height / 2];
}

function clamp01(value) {
  return Math.min(1, Math.max(0, value));
}
