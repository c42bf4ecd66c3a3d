// What is shown of an image's bands: the picture that was made at the import, or a composite, a
// single band or an index that the server renders from the stored pixels.

import { el } from "./dom.js";
import { ServerError } from "./server.js";

const PICTURE = "";
export const STRETCHES = { clip: "2–98 %", full: "Full range", deviations: "± 2 deviations", tile: "2–98 %, this tile" };
const INDICES = ["ndvi", "ndwi", "vari"];
const REST_MS = 60; // a pointer that rests so long asks what is under it

export class BandView {
  /** @param app {server, session, view, preferences} */
  constructor(app) {
    this.app = app;
    this.known = new Map(); // image id -> [{id, name, why_not}]
    this.copies = new WeakMap(); // item -> {key, item}: the same item with another picture
    this.lacking = new Set(); // "image id, view": that image has no such view
    this.asked = null; // the pixel whose values are wanted or shown, as an address
    const choose = (event) => this.choose(event.target.value);
    this.views = el("select", { class: "bands-select", "aria-label": "Bands", "data-title": "Bands ({bands})", on: { change: choose, focus: () => this.load(), pointerenter: () => this.load() } });
    this.stretch = el(
      "select",
      { class: "bands-select", "aria-label": "Stretch", title: "How values become grey levels, band by band: over all tiles of the image's file, or over this one", on: { change: (event) => this.stretchTo(event.target.value) } },
      ...Object.entries(STRETCHES).map(([value, text]) => el("option", { value, text })),
    );
    this.ramp = el("span", { class: "bands-ramp", "aria-label": "Colours from -1 to 1" }, el("span", { text: "−1" }), el("i"), el("span", { text: "1" }));
    this.root = el("span", { class: "bands" }, this.views, this.stretch, this.ramp);
    this.fill();
    this.update();
  }

  get view() {
    return this.app.preferences.get("bands");
  }

  /** Whether a view of bands is on screen; not where the image has no such bands. */
  get showing() {
    return Boolean(this.app.session.item?.display.includes("/view/"));
  }

  /** An item with the picture that is wanted of it, where it has one. */
  over(item) {
    const { view } = this;
    if (!item || view === PICTURE || this.lacking.has(`${item.id}, ${view}`)) return item;
    const known = this.known.get(item.id);
    if (known && !known.some((one) => one.id === view && !one.why_not)) return item;
    const stretch = this.app.preferences.get("stretch");
    const key = `${view} ${stretch}`;
    let copy = this.copies.get(item);
    if (copy?.key !== key) {
      copy = { key, item: { ...item, display: `media/${item.id}/view/${view}?stretch=${stretch}&v=${item.tile_key}` } };
      this.copies.set(item, copy);
    }
    return copy.item;
  }

  /** Whether a picture failed because its image has no such view; it then gets its usual one. */
  refused(address, error) {
    const asked = /^media\/(\d+)\/view\/([^?]+)/.exec(address);
    if (!asked || !(error instanceof ServerError) || error.status !== 404) return false;
    this.lacking.add(`${asked[1]}, ${asked[2]}`);
    if (Number(asked[1]) === this.app.session.queue.currentId) this.app.view.hint(error.message);
    return true;
  }

  /** The pointer lies over a place of the image, or nowhere: say what the bands hold there. */
  hover(spot) {
    const { session, stage, view } = this.app;
    const there = spot && stage.image && this.showing;
    const pixel = there && `x=${Math.floor(spot.u * stage.image.width)}&y=${Math.floor(spot.v * stage.image.height)}`;
    const address = there ? `media/${session.item.id}/view/${this.view}/values?${pixel}` : null;
    if (address === this.asked) return;
    this.asked = address;
    clearTimeout(this.resting);
    view.readValues("");
    if (address) this.resting = setTimeout(() => this.readValues(address), REST_MS);
  }

  async readValues(address) {
    let text = "";
    try {
      text = valuesText(this.view, await this.app.server.json(address));
    } catch {
      return; // a convenience: the pointer's next rest asks again
    }
    if (address === this.asked) this.app.view.readValues(text);
  }

  choose(view) {
    const { preferences, session } = this.app;
    preferences.set("bands", view);
    this.lacking.clear();
    this.update();
    session.paint();
    session.loadAhead();
  }

  stretchTo(stretch) {
    this.app.preferences.set("stretch", stretch);
    this.choose(this.view);
  }

  /** Go to the next view that the current image has, and after the last one back to the picture. */
  async next() {
    const views = await this.load();
    if (!views) return;
    const there = [{ id: PICTURE, name: "Picture" }, ...views.filter((one) => !one.why_not)];
    const at = there.findIndex((one) => one.id === this.view);
    const chosen = there[(at + 1) % there.length];
    this.choose(chosen.id);
    this.app.view.hint(chosen.name);
  }

  /** The current image came on screen: what the lists say is about it. */
  painted(item) {
    if (item?.id === this.paintedId) return this.update();
    this.paintedId = item?.id;
    this.fill(this.known.get(item?.id));
    this.update();
    if (item && this.view !== PICTURE) this.load();
  }

  /** The views of the current image; asked for once. */
  async load() {
    const { server, session, view } = this.app;
    const { item } = session;
    if (!item) return null;
    let views = this.known.get(item.id);
    if (!views) {
      try {
        ({ views } = await server.json(`media/${item.id}/bands`));
      } catch (error) {
        view.hint(`The bands could not be read: ${error.message}`);
        return null;
      }
      this.known.set(item.id, views);
    }
    if (session.queue.currentId === item.id) this.fill(views);
    return views;
  }

  fill(views = []) {
    const options = [el("option", { value: PICTURE, text: "Picture" })];
    for (const { id, name, why_not: whyNot } of views) {
      options.push(el("option", { value: id, text: whyNot ? `${name} – ${whyNot}` : name, disabled: Boolean(whyNot) }));
    }
    if (!options.some((one) => one.value === this.view)) options.push(el("option", { value: this.view, text: this.view }));
    const texts = options.map((one) => one.textContent).join("\n");
    if (texts !== this.filled) this.views.replaceChildren(...options); // an open list would close
    this.filled = texts;
    this.views.value = this.view;
  }

  update() {
    const { view } = this;
    const { item } = this.app.session;
    const shown = this.showing;
    const index = INDICES.includes(view);
    if (this.views.value !== view) this.fill(this.known.get(item?.id));
    this.stretch.value = this.app.preferences.get("stretch");
    this.stretch.hidden = !shown || index;
    this.ramp.hidden = !shown || !index;
  }
}

/** "NDVI 0.468 · nir 3310 · red 1201" of an index, the values alone of other views. */
function valuesText(view, { values, index }) {
  const parts = Object.entries(values).map(([name, value]) => `${name} ${value === null ? "no data" : shortened(value)}`);
  if (index !== null) parts.unshift(`${view.toUpperCase()} ${index.toFixed(3)}`);
  return parts.join(" · ");
}

/** Whole numbers whole, others to five digits. */
function shortened(value) {
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(5)));
}
