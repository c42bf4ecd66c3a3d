// What is marked as wrong in one mask: a bitmap of its size, what that leaves of the score, and the
// strokes that can be taken back. Pixels without a class cannot be marked: they count nowhere.

import { decodeRuns, encodeRuns } from "./run_lengths.js";

const VOID = 255;
const STROKES_KEPT = 50;

export class Marks {
  /** @param mask {ids, width, height} of the candidate */
  constructor({ ids, width, height }) {
    this.ids = ids;
    this.width = width;
    this.height = height;
    this.valid = ids.reduce((count, id) => count + (id !== VOID), 0);
    this.count = 0; // marked pixels
    this.pixels = new ImageData(width, height);
    this.words = new Uint32Array(this.pixels.data.buffer); // not 0 where marked
    this.bitmap = new OffscreenCanvas(width, height); // the same, to be drawn
    this.context = this.bitmap.getContext("2d");
    this.strokes = []; // indices that each one changed
    this.stroke = null;
  }

  /** Share of valid pixels that are marked, 0..1. */
  get share() {
    return this.valid > 0 ? this.count / this.valid : 0;
  }

  get score() {
    return 1 - this.share;
  }

  // -- changing -------------------------------------------------------------------------------

  /** What follows, until `end`, is taken back as one; `on` says whether it marks or erases. */
  begin(on) {
    this.end();
    this.on = on;
    this.stroke = [];
  }

  end() {
    if (this.stroke?.length > 0) this.strokes.push(Uint32Array.from(this.stroke));
    if (this.strokes.length > STROKES_KEPT) this.strokes.shift();
    this.stroke = null;
  }

  /** Take back the stroke under way, or else the last one; false when there is none. */
  undo() {
    const changed = this.stroke ?? this.strokes.pop();
    this.stroke = null;
    if (!changed) return false;
    for (const index of changed) this.flip(index);
    this.redraw();
    return true;
  }

  clear() {
    this.begin(false);
    for (let index = 0; index < this.words.length; index++) this.set(index);
    this.end();
    this.redraw();
  }

  /** Everything within `size / 2` px of the line between two places (mask px). */
  brush([x1, y1], [x2, y2], size) {
    // From pixel centre to pixel centre, so that a brush of 1 px is one pixel wide everywhere.
    const [ax, ay, bx, by] = [x1, y1, x2, y2].map((value) => Math.floor(value) + 0.5);
    const [dx, dy] = [bx - ax, by - ay];
    const [radius, length] = [size / 2, dx * dx + dy * dy || 1];
    const box = this.box(Math.min(ax, bx) - radius, Math.min(ay, by) - radius, Math.max(ax, bx) + radius, Math.max(ay, by) + radius);
    for (let row = box.top; row < box.bottom; row++) {
      for (let column = box.left; column < box.right; column++) {
        const [px, py] = [column + 0.5 - ax, row + 0.5 - ay];
        const along = Math.min(1, Math.max(0, (px * dx + py * dy) / length));
        const distance = (px - along * dx) ** 2 + (py - along * dy) ** 2;
        if (distance <= radius * radius) this.set(row * this.width + column);
      }
    }
    this.redraw(box);
  }

  /** Every pixel whose centre lies within a polygon of corners (mask px). */
  fill(corners) {
    for (let row = 0; row < this.height; row++) {
      const y = row + 0.5;
      const crossings = [];
      for (const [index, [x2, y2]] of corners.entries()) {
        const [x1, y1] = corners.at(index - 1);
        if (y1 <= y !== y2 <= y) crossings.push(x1 + ((y - y1) * (x2 - x1)) / (y2 - y1));
      }
      crossings.sort((a, b) => a - b);
      for (let pair = 0; pair < crossings.length; pair += 2) {
        const last = Math.min(this.width, Math.ceil(crossings[pair + 1] - 0.5));
        for (let column = Math.max(0, Math.ceil(crossings[pair] - 0.5)); column < last; column++) {
          this.set(row * this.width + column);
        }
      }
    }
    this.redraw();
  }

  set(index) {
    if (this.ids[index] === VOID || (this.words[index] !== 0) === this.on) return;
    this.flip(index);
    this.stroke?.push(index);
  }

  flip(index) {
    this.words[index] = ~this.words[index];
    this.count += this.words[index] ? 1 : -1;
  }

  box(left, top, right, bottom) {
    return {
      left: Math.max(0, Math.floor(left)),
      top: Math.max(0, Math.floor(top)),
      right: Math.min(this.width, Math.ceil(right)),
      bottom: Math.min(this.height, Math.ceil(bottom)),
    };
  }

  /** Bring the bitmap up to date, where a stroke has been: that alone fits in a frame. */
  redraw({ left, top, right, bottom } = this.box(0, 0, this.width, this.height)) {
    if (right > left && bottom > top) this.context.putImageData(this.pixels, 0, 0, left, top, right - left, bottom - top);
  }

  // -- keeping and sending --------------------------------------------------------------------

  /** {size: [height, width], counts}, as COCO's tools read it. */
  encode() {
    return { size: [this.height, this.width], counts: encodeRuns(this.words, this.width, this.height) };
  }

  /** Begin with what was encoded of the same mask; nothing of another size. */
  load({ size, counts }) {
    if (size[0] !== this.height || size[1] !== this.width) return;
    this.on = true;
    decodeRuns(counts, this.width, this.height, (index) => this.set(index));
    this.redraw();
  }
}
