// Everything that makes a decision with the mouse: own score, confirm, skip, flag, none, undo, note.

import { button, el, percent, setAttribute, setSlider, setText } from "./dom.js";

export class DecidePanel {
  constructor(actions) {
    this.slider = el("input", {
      type: "range",
      min: 0,
      max: 100,
      step: 1,
      class: "slider",
      "aria-label": "Your score in percent",
      on: {
        input: (event) => actions.slide(Number(event.target.value)),
      },
    });
    this.value = el("output", { class: "value" });
    this.check = button({ label: "Check points of the mask", iconName: "target", action: "pointCheck", iconOnly: true, onClick: () => actions.pointCheck() });
    this.mark = button({ label: "Mark errors", iconName: "pencil", action: "markErrors", iconOnly: true, onClick: () => actions.markErrors() });
    this.why = button({ label: "Why this score", iconName: "why", action: "why", iconOnly: true, onClick: () => actions.why() });
    this.confirm = button({ label: "Confirm", iconName: "check", key: "⏎", kind: "primary wide", onClick: (event) => actions.confirm(event) });
    this.confirmLabel = this.confirm.querySelector(".label");
    this.skip = button({ label: "Skip", iconName: "skip", action: "skip", onClick: (event) => actions.skip(event) });
    this.flag = button({ label: "Flag", iconName: "flag", action: "flag", onClick: (event) => actions.flag(event) });
    this.none = button({ label: "None good", iconName: "cross", action: "noneAcceptable", title: "No candidate is acceptable", onClick: (event) => actions.noneAcceptable(event) });
    this.undo = button({ label: "Undo", iconName: "undo", action: "undo", onClick: (event) => actions.undo(event) });
    this.note = el("textarea", {
      class: "note",
      rows: 1,
      maxlength: 4000,
      placeholder: "Note – goes with the next decision",
      "aria-label": "Note",
      "data-action": "note",
      on: {
        input: (event) => actions.writeNote(event.target.value),
        keydown: (event) => {
          event.stopPropagation();
          if (event.isComposing) return;
          const alone = event.key === "Enter" && (event.ctrlKey || event.metaKey);
          if (alone && !event.repeat) actions.saveNote();
          if (alone || event.key === "Escape" || (event.key === "Enter" && !event.shiftKey)) {
            event.preventDefault();
            actions.leaveNote();
          }
        },
      },
    });
    this.keepNote = button({ label: "Keep note", iconName: "note", kind: "small", title: "Save the note by itself (Ctrl or ⌘ with Enter)", onClick: () => actions.saveNote() });
    this.root = el(
      "section",
      { class: "block" },
      el(
        "div",
        { class: "own-score" },
        el("label", {}, el("span", { text: "Your score" }), this.slider, this.value),
        this.check,
        this.mark,
        this.why,
      ),
      this.confirm,
      el("div", { class: "grid" }, this.skip, this.flag, this.none, this.undo),
      el("div", { class: "note-row" }, this.note, this.keepNote),
    );
  }

  update(session) {
    const { item, candidate, entry } = session;
    const predicted = candidate?.score?.value ?? null;
    const shown = entry.active ? entry.percent : Math.round((predicted ?? 0) * 100);
    setSlider(this.slider, shown);
    setText(this.value, entry.active ? `${entry.percent} %` : "–");
    setAttribute(this.slider, "data-active", entry.active);
    this.slider.disabled = !candidate;
    for (const one of [this.check, this.mark, this.why]) one.disabled = !candidate;
    let label = "Confirm";
    if (entry.active) label = `Record ${entry.percent} %`;
    else if (predicted !== null) label = `Confirm ${percent(predicted)}`;
    setText(this.confirmLabel, label);
    this.confirm.disabled = !candidate || (predicted === null && !entry.active);
    for (const one of [this.skip, this.flag, this.none]) one.disabled = !item;
    setAttribute(this.none, "data-advised", Boolean(item?.none_acceptable));
    this.undo.disabled = session.history.last === null;
    this.note.disabled = !item;
    const text = session.notes.get(session.queue.currentId) ?? "";
    if (this.note.value !== text) this.note.value = text;
    this.keepNote.hidden = text.trim() === "";
  }
}
