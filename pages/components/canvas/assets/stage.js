// The large canvas: image, coloured mask, zoom and pan. Drawing happens at once, in the task that
// asks for it, so that what a key is bound to is what has been drawn.

import { paintMask } from "./palette.js";

const LARGEST_SCALE = 32;
const OVERLAYS_KEPT = 8;
const BLINK_MS = 450;

export class Stage {
  constructor(host, canvas, preferences, { onView, onHover }) {
    this.host = host;
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.preferences = preferences;
    this.onView = onView;
    this.onHover = onHover;
    this.image = null; // {bitmap, width, height}
    this.mask = null; // {ids, width, height}
    this.overlays = new Map(); // mask object -> coloured canvas, for the current table
    this.table = new Uint32Array(256);
    this.zoom = preferences.get("zoom");
    this.holding = false;
    this.blinkTimer = null;
    this.blinkOff = false;
    this.width = 0;
    this.height = 0;
    this.resizes = new ResizeObserver(() => this.resize());
    this.resizes.observe(host);
    this.listen();
    this.resize();
  }

  dispose() {
    this.resizes.disconnect();
    clearInterval(this.blinkTimer);
  }

  /** Show an image with or without a mask; null clears. */
  show(image, mask) {
    this.image = image;
    this.mask = mask;
    this.draw();
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
    this.onView();
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
    this.onView();
  }

  get blinking() {
    return this.blinkTimer !== null;
  }

  draw() {
    const { context, canvas } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!this.image) return;
    const ratio = this.ratio;
    const transform = this.transform();
    for (const pane of this.panes()) {
      context.save();
      context.beginPath();
      context.rect(pane.left * ratio, 0, pane.width * ratio, canvas.height);
      context.clip();
      const scale = transform.scale * ratio;
      context.setTransform(
        scale,
        0,
        0,
        scale,
        (pane.left + pane.width / 2) * ratio - transform.x * this.image.width * scale,
        (this.height / 2) * ratio - transform.y * this.image.height * scale,
      );
      if (pane.image) {
        // Seen from close, pixels are what is being judged: no invented values between them.
        context.imageSmoothingEnabled = scale < 2;
        context.globalAlpha = 1;
        context.drawImage(this.image.bitmap, 0, 0, this.image.width, this.image.height);
      }
      if (pane.alpha > 0 && this.mask) {
        context.imageSmoothingEnabled = scale < 1;
        context.globalAlpha = pane.alpha;
        context.drawImage(this.overlay(), 0, 0, this.image.width, this.image.height);
      }
      context.restore();
    }
  }

  /** Views side by side within the canvas: where each lies, and how much of what it shows. */
  panes() {
    const opacity = this.preferences.get("opacity");
    const visible = !this.holding && !this.blinkOff;
    const whole = { left: 0, width: this.width };
    const half = (this.width - 8) / 2;
    switch (this.preferences.get("mode")) {
      case "image":
        return [{ ...whole, image: true, alpha: 0 }];
      case "mask":
        return [{ ...whole, image: !visible, alpha: visible ? 1 : 0 }];
      case "side":
        return [
          { left: 0, width: half, image: true, alpha: 0 },
          { left: half + 8, width: half, image: true, alpha: visible ? opacity : 0 },
        ];
      default:
        return [{ ...whole, image: true, alpha: visible ? opacity : 0 }];
    }
  }

  overlay() {
    let coloured = this.overlays.get(this.mask);
    if (!coloured) {
      coloured = paintMask(this.mask, this.table);
      this.overlays.set(this.mask, coloured);
      if (this.overlays.size > OVERLAYS_KEPT) {
        this.overlays.delete(this.overlays.keys().next().value);
      }
    }
    return coloured;
  }

  // -- zoom and pan ---------------------------------------------------------------------------

  fitScale() {
    if (!this.image) return 1;
    return Math.min(this.panes()[0].width / this.image.width, this.height / this.image.height);
  }

  transform() {
    return this.zoom ?? { scale: this.fitScale(), x: 0.5, y: 0.5 };
  }

  fit() {
    this.setZoom(null);
  }

  /** Zoom by `factor`, keeping the image point under (x, y) of the canvas in place. */
  zoomBy(factor, x = this.panes()[0].width / 2, y = this.height / 2) {
    if (!this.image) return;
    const now = this.transform();
    const smallest = Math.min(this.fitScale(), 1) / 2;
    const scale = Math.min(LARGEST_SCALE, Math.max(smallest, now.scale * factor));
    const pane = this.paneAt(x);
    const [fromX, fromY] = [x - pane.left - pane.width / 2, y - this.height / 2];
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
    this.onView();
  }

  paneAt(x) {
    const panes = this.panes();
    return panes.find((pane) => x <= pane.left + pane.width) ?? panes[panes.length - 1];
  }

  /** Class id under a point of the canvas, or null outside the mask. */
  classAt(x, y) {
    if (!this.image || !this.mask) return null;
    const { scale, x: centreX, y: centreY } = this.transform();
    const pane = this.paneAt(x);
    const u = centreX + (x - pane.left - pane.width / 2) / scale / this.image.width;
    const v = centreY + (y - this.height / 2) / scale / this.image.height;
    if (u < 0 || u >= 1 || v < 0 || v >= 1) return null;
    const column = Math.floor(u * this.mask.width);
    const row = Math.floor(v * this.mask.height);
    return this.mask.ids[row * this.mask.width + column];
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
    this.onView();
  }

  listen() {
    const { canvas } = this;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
        const step = Math.max(-240, Math.min(240, event.deltaY * lines));
        this.zoomBy(Math.exp(-step / 400), ...at(event));
      },
      { passive: false },
    );
    let last = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button > 1) return;
      last = at(event);
      canvas.setPointerCapture(event.pointerId);
      canvas.classList.add("dragging");
    });
    canvas.addEventListener("pointermove", (event) => {
      const [x, y] = at(event);
      if (last) {
        this.panBy(x - last[0], y - last[1]);
        last = [x, y];
      }
      this.onHover(this.classAt(x, y));
    });
    const end = () => {
      last = null;
      canvas.classList.remove("dragging");
    };
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
    canvas.addEventListener("pointerleave", () => this.onHover(null));
    canvas.addEventListener("dblclick", () => this.fit());
  }
}

function clamp01(value) {
  return Math.min(1, Math.max(0, value));
}
