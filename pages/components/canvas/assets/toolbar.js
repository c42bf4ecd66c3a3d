// The row above the image: what is shown and how large.

import { button, el, icon, setAttribute, setSlider, setText } from "./dom.js";

const MODE_NAMES = { overlay: "Overlay", mask: "Mask", image: "Image" };
const COMPARING = { side: "Split", swipe: "Swipe", two: "Two", four: "Four", dispute: "Disputed", errors: "Errors" };
const COMPARING_HELP = [
  "Split (M): image beside mask",
  "Swipe (W): a line between mask and image",
  "Two, four (G): candidates side by side",
  "Disputed (D): where candidates disagree",
  "Errors (E): where this one is probably wrong",
];

export class Toolbar {
  constructor(actions) {
    this.modes = Object.entries(MODE_NAMES).map(([mode, name]) =>
      el("button", {
        type: "button",
        class: "segment",
        text: name,
        title: "Next view: M",
        "data-mode": mode,
        on: { click: () => actions.setMode(mode) },
      }),
    );
    this.compare = el(
      "select",
      {
        class: "segment compare",
        "aria-label": "Compare",
        title: COMPARING_HELP.join("\n"),
        on: { change: (event) => event.target.value && actions.setMode(event.target.value) },
      },
      el("option", { value: "", text: "Compare" }),
      ...Object.entries(COMPARING).map(([mode, text]) => el("option", { value: mode, text })),
    );
    this.compare.addEventListener("change", () => actions.toCanvas());
    this.opacity = el("input", {
      type: "range",
      min: 0,
      max: 100,
      step: 5,
      class: "slider",
      "aria-label": "Mask opacity",
      title: "Mask opacity ([ and ])",
      on: { input: (event) => actions.setOpacity(Number(event.target.value) / 100) },
    });
    this.opacityText = el("output", { class: "figure opacity-text" });
    this.hide = el("button", {
      type: "button",
      class: "button icon-only",
      title: "Hide the mask while pressed (Space)",
      "aria-label": "Hide the mask while pressed",
      "aria-keyshortcuts": "Space",
      on: {
        pointerdown: () => actions.hold(),
        pointerup: () => actions.release(),
        pointerleave: () => actions.release(),
        keydown: (event) => isPress(event) && actions.hold(),
        keyup: () => actions.release(),
        blur: () => actions.release(),
      },
    });
    this.hide.append(icon("hidden"));
    this.blink = button({ label: "Blink the mask", iconName: "blink", key: "B", iconOnly: true, onClick: () => actions.blink() });
    this.zoomText = el("button", {
      type: "button",
      class: "figure zoom-text",
      title: "One to one (O)",
      "aria-keyshortcuts": "O",
      on: { click: () => actions.oneToOne() },
    });
    this.root = el(
      "div",
      { class: "toolbar", role: "toolbar", "aria-label": "View" },
      el("div", { class: "segments", role: "group", "aria-label": "View (M)" }, ...this.modes, this.compare),
      el("div", { class: "group" }, this.opacity, this.opacityText, this.hide, this.blink),
      el(
        "div",
        { class: "group" },
        button({ label: "Zoom out", iconName: "minus", key: "−", iconOnly: true, onClick: () => actions.zoomOut() }),
        this.zoomText,
        button({ label: "Zoom in", iconName: "plus", key: "+", iconOnly: true, onClick: () => actions.zoomIn() }),
        button({ label: "Fit the image", iconName: "fit", key: "Z", iconOnly: true, onClick: () => actions.fit() }),
      ),
      el(
        "div",
        { class: "group end" },
        button({ label: "Previous image", iconName: "back", key: "K", iconOnly: true, onClick: (event) => actions.previousItem(event) }),
        button({ label: "Next image", iconName: "forward", key: "J", iconOnly: true, onClick: (event) => actions.nextItem(event) }),
        button({ label: "Copy link to this item", iconName: "link", iconOnly: true, onClick: () => actions.copyLink() }),
        button({ label: "Keys and help", iconName: "help", key: "?", iconOnly: true, onClick: () => actions.help() }),
      ),
    );
  }

  update(preferences, stage) {
    const mode = preferences.get("mode");
    for (const segment of this.modes) {
      setAttribute(segment, "aria-pressed", segment.dataset.mode === mode);
    }
    const comparing = mode in COMPARING;
    if (this.compare.value !== (comparing ? mode : "")) this.compare.value = comparing ? mode : "";
    setAttribute(this.compare, "data-on", comparing);
    const opacity = Math.round(preferences.get("opacity") * 100);
    setSlider(this.opacity, opacity);
    setText(this.opacityText, `${opacity} %`);
    setAttribute(this.blink, "aria-pressed", stage.blinking);
    setAttribute(this.hide, "aria-pressed", stage.holding);
    setText(this.zoomText, stage.image ? `${Math.round(stage.transform().scale * 100)} %` : "–");
  }
}

function isPress(event) {
  return event.key === " " || event.key === "Enter";
}
