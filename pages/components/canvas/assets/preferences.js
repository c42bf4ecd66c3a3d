// What a reviewer sets for viewing, kept in this browser and over all items.

import { STRETCHES } from "./bands.js";
import { BASIC_MODES, MODES } from "./panes.js";

const KEY = "rsqa.view";

const DEFAULTS = {
  mode: "overlay",
  basic: "overlay", // the view that a key for another one returns to
  blind: false, // whether predictions are hidden until a decision
  points: "random", // design of the point check
  marks: true, // whether what was marked as wrong is shown
  brush: 4, // which of the brush sizes (marking.js)
  bands: "", // view of the bands (bands.js); "" is the picture
  stretch: "clip", // of composites and single bands
  swipe: 0.5, // where the line of the swipe view is
  opacity: 0.55,
  palette: "safe",
  zoom: null, // null: fit; otherwise {scale, x, y}: screen px per image px, centre as fractions
  hidden: {}, // project id -> class ids whose colour is off
};

/** Read and write the view settings; a browser without storage keeps them until reload. */
export class Preferences {
  constructor() {
    this.values = { ...DEFAULTS, ...readStored() };
    if (!MODES.includes(this.values.mode)) this.values.mode = DEFAULTS.mode;
    if (!BASIC_MODES.includes(this.values.basic)) this.values.basic = DEFAULTS.basic;
    this.values.blind = this.values.blind === true;
    if (!["random", "by_class"].includes(this.values.points)) this.values.points = DEFAULTS.points;
    this.values.marks = this.values.marks !== false;
    if (!Number.isInteger(this.values.brush)) this.values.brush = DEFAULTS.brush;
    if (!/^[a-z0-9-]{0,20}$/.test(this.values.bands)) this.values.bands = DEFAULTS.bands;
    if (!Object.hasOwn(STRETCHES, this.values.stretch)) this.values.stretch = DEFAULTS.stretch;
    if (!(this.values.swipe >= 0 && this.values.swipe <= 1)) this.values.swipe = DEFAULTS.swipe;
    if (!(this.values.opacity >= 0 && this.values.opacity <= 1)) {
      this.values.opacity = DEFAULTS.opacity;
    }
    const zoom = this.values.zoom;
    if (zoom && ![zoom.scale, zoom.x, zoom.y].every(Number.isFinite)) this.values.zoom = null;
  }

  get(name) {
    return this.values[name];
  }

  set(name, value) {
    this.values[name] = value;
    // Wheel and slider set values many times a second; the disk needs only the last one.
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(), 150);
  }

  write() {
    clearTimeout(this.timer);
    try {
      localStorage.setItem(KEY, JSON.stringify(this.values));
    } catch {
      // Storage is full or forbidden: the settings then hold until the page is left.
    }
  }

  hiddenClasses(projectId) {
    const stored = this.values.hidden[projectId];
    return new Set(Array.isArray(stored) ? stored : []);
  }

  setHiddenClasses(projectId, ids) {
    this.set("hidden", { ...this.values.hidden, [projectId]: [...ids] });
  }
}

function readStored() {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return stored && typeof stored === "object" ? stored : {};
  } catch {
    return {};
  }
}
