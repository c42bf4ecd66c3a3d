// What a reviewer sets for viewing, kept in this browser and over all items.

const KEY = "rsqa.view";

const DEFAULTS = {
  mode: "overlay",
  opacity: 0.55,
  palette: "safe",
  zoom: null, // null: fit; otherwise {scale, x, y}: screen px per image px, centre as fractions
  hidden: {}, // project id -> class ids whose colour is off
};

export const MODES = ["overlay", "mask", "image", "side"];

/** Read and write the view settings; a browser without storage keeps them until reload. */
export class Preferences {
  constructor() {
    this.values = { ...DEFAULTS, ...readStored() };
    if (!MODES.includes(this.values.mode)) this.values.mode = DEFAULTS.mode;
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
