// What can be done by key, and which keys do it unless a reviewer chose others. C and R are
// Streamlit's own, with or without modifiers, and stay free.

/** Shown in the help; `once` marks what a held key must not repeat, `fixed` what keeps its keys. */
export const BINDINGS = [
  { action: "confirm", keys: ["Enter"], shown: "Enter", fixed: true, once: true, group: "Decide", text: "Confirm the predicted score of the selected candidate; with a score typed, record that one" },
  { action: "confirmAndStay", keys: ["Shift+Enter"], shown: "Shift Enter", fixed: true, once: true, group: "Decide", text: "The same, then on to the next candidate of this image" },
  { action: "digit", keys: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], shown: "0 – 9", fixed: true, once: true, group: "Decide", text: "Type a score: 7 is 70 %, 78 is 78 %, 07 is 7 %" },
  { action: "leaveEntry", keys: ["Escape"], shown: "Esc", fixed: true, once: true, group: "Decide", text: "Leave the typed score" },
  { action: "skip", keys: ["s"], shown: "S", once: true, group: "Decide", text: "Skip this image" },
  { action: "flag", keys: ["f"], shown: "F", once: true, group: "Decide", text: "Flag this image for a second look" },
  { action: "noneAcceptable", keys: ["x"], shown: "X", once: true, group: "Decide", text: "No candidate is acceptable" },
  { action: "note", keys: ["n"], shown: "N", once: true, group: "Decide", text: "Write a note; it goes with the next decision" },
  { action: "pointCheck", keys: ["p"], shown: "P", once: true, group: "Decide", text: "Point check: random points of the mask, Y right, N wrong, S cannot tell; Enter records the accuracy" },
  { action: "markErrors", keys: ["a"], shown: "A", once: true, group: "Decide", text: "Mark errors: 1 brush (Shift erases), 2 polygon, 3 eraser, comma and full stop change its size, arrows and D do without a mouse; Enter records the score that is left" },
  { action: "undo", keys: ["Backspace", "u"], shown: "U  ⌫", once: true, group: "Decide", text: "Take the last decision back and return to its image" },
  { action: "nextCandidate", keys: ["ArrowRight", "ArrowDown"], shown: "→  ↓", fixed: true, group: "Move", text: "Next candidate" },
  { action: "previousCandidate", keys: ["ArrowLeft", "ArrowUp"], shown: "←  ↑", fixed: true, group: "Move", text: "Previous candidate" },
  { action: "nextItem", keys: ["j", "PageDown"], shown: "J  PgDn", group: "Move", text: "Next image, no decision" },
  { action: "previousItem", keys: ["k", "PageUp"], shown: "K  PgUp", group: "Move", text: "Previous image" },
  { action: "hold", keys: [" "], shown: "Space", fixed: true, once: true, group: "See", text: "Hold to hide the mask" },
  { action: "blink", keys: ["b"], shown: "B", once: true, group: "See", text: "Blink the mask" },
  { action: "blind", keys: ["h"], shown: "H", once: true, group: "See", text: "Hide predictions until you have decided on an image" },
  { action: "lessOpaque", keys: ["["], shown: "[", group: "See", text: "Mask more transparent" },
  { action: "moreOpaque", keys: ["]"], shown: "]", group: "See", text: "Mask more opaque" },
  { action: "cycleMode", keys: ["m"], shown: "M", once: true, group: "See", text: "Next view: overlay, mask, image, split" },
  { action: "swipe", keys: ["w"], shown: "W", once: true, group: "Compare", text: "Swipe: mask left of a line, image right of it; drag the line" },
  { action: "sideBySide", keys: ["g"], shown: "G", once: true, group: "Compare", text: "The best two candidates side by side, then four, then one; a click selects" },
  { action: "dispute", keys: ["d"], shown: "D", once: true, group: "Compare", text: "Where the candidates disagree" },
  { action: "errors", keys: ["e"], shown: "E", once: true, group: "Compare", text: "Where the selected candidate is probably wrong" },
  { action: "why", keys: ["i"], shown: "I", once: true, group: "See", text: "Why this score: what drove it, where in the image, and the labelled candidates most like it; Esc closes" },
  { action: "showMarks", keys: ["t"], shown: "T", once: true, group: "See", text: "Show or hide what you marked as wrong" },
  { action: "bands", keys: ["v"], shown: "V", once: true, group: "See", text: "Next view of the bands: true and false colour, indices, single bands, and back to the picture" },
  { action: "nextDisputed", keys: ["."], shown: ".", group: "Compare", text: "Zoom to the next disputed region" },
  { action: "previousDisputed", keys: [","], shown: ",", group: "Compare", text: "Back to the one before" },
  { action: "zoomIn", keys: ["+", "="], shown: "+", group: "See", text: "Zoom in (also the wheel)" },
  { action: "zoomOut", keys: ["-"], shown: "−", group: "See", text: "Zoom out; drag to move" },
  { action: "fit", keys: ["z", "Home"], shown: "Z", once: true, group: "See", text: "Fit the image (also a double click)" },
  { action: "oneToOne", keys: ["o"], shown: "O", once: true, group: "See", text: "One image pixel on one pixel of the screen" },
  { action: "help", keys: ["?"], shown: "?", once: true, group: "See", text: "These keys" },
];

/** What stays possible by its own key while another mode has the keys of decisions. */
export const VIEWING = new Set(["hold", "blink", "lessOpaque", "moreOpaque", "cycleMode", "zoomIn", "zoomOut", "fit", "oneToOne", "bands", "help"]);
