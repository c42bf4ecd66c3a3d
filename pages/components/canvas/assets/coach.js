// The first minute: four steps on the reviewer's own images, each done by doing it. It lies over the
// image, lets the mouse through, and never comes back once it was finished or sent away.

import { button, el, keyCap, setText } from "./dom.js";
import { keyMap } from "./key_map.js";

const STORED = "rsqa.coached";
const GOODBYE_MS = 6000;

/** `by` are the actions that do a step; a key cap shows the first one's key. */
const STEPS = [
  { by: ["hold"], text: "Hold it to see the image without the mask" },
  { by: ["nextCandidate", "select"], text: "looks at the next candidate of this image" },
  { by: ["confirm"], text: "confirms the predicted quality; digits before it give a score of your own" },
  { by: ["undo"], text: "takes the last decision back" },
];

export class Coach {
  constructor() {
    this.step = readStep();
    this.caps = el("span", { class: "coach-caps" });
    this.text = el("span");
    this.count = el("span", { class: "muted small" });
    this.root = el(
      "div",
      { class: "coach", role: "note", "aria-label": "First steps", hidden: true },
      this.count,
      this.caps,
      this.text,
      button({ label: "Not now", kind: "small", onClick: () => this.leave() }),
    );
    this.update();
  }

  /** Return the same actions, watched for what the present step asks for. */
  watch(actions) {
    const watched = {};
    for (const [name, act] of Object.entries(actions)) {
      watched[name] = (...given) => {
        const answer = act(...given);
        this.saw(name);
        return answer;
      };
    }
    return watched;
  }

  /** Show it only where there is something to decide on. */
  show(on) {
    this.wanted = on;
    this.update();
  }

  saw(action) {
    if (this.step >= STEPS.length || this.root.hidden || !STEPS[this.step].by.includes(action)) return;
    this.step += 1;
    write(this.step);
    this.update();
    if (this.step === STEPS.length) {
      this.goodbye = setTimeout(() => (this.root.hidden = true), GOODBYE_MS);
    }
  }

  leave() {
    this.step = STEPS.length;
    write(this.step);
    this.root.hidden = true;
  }

  dispose() {
    clearTimeout(this.goodbye);
  }

  update() {
    const step = STEPS[this.step];
    if (!step) {
      // Finished just now: what it showed stays for a moment, with where to find the rest.
      setText(this.count, "That is all you need.");
      this.caps.replaceChildren(keyCap(keyMap.capsOf("help")[0]));
      setText(this.text, "lists every key.");
      return;
    }
    this.root.hidden = !this.wanted;
    setText(this.count, `First steps, ${this.step + 1} of ${STEPS.length}`);
    this.caps.replaceChildren(keyCap(keyMap.capsOf(step.by[0])[0]));
    setText(this.text, step.text);
  }
}

function readStep() {
  try {
    const stored = Number(localStorage.getItem(STORED) ?? 0);
    return Number.isInteger(stored) && stored >= 0 ? Math.min(stored, STEPS.length) : 0;
  } catch {
    return STEPS.length; // a browser that keeps nothing would show it for ever
  }
}

function write(step) {
  try {
    localStorage.setItem(STORED, String(step));
  } catch {
    // It then comes again after a reload.
  }
}
