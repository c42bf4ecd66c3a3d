// What the stage shows where: one view or several, all of the same place of the image.

const GAP = 8;

/** Views by name; those of BASIC take turns by one key, the others have keys of their own. */
export const BASIC_MODES = ["overlay", "mask", "image", "side"];
export const MODES = [...BASIC_MODES, "swipe", "two", "four", "dispute", "errors"];

/** Whether a view shows more than the selected candidate. */
export function needsRivals(mode) {
  return mode === "two" || mode === "four" || mode === "dispute";
}

/**
 * Panes of a view, each {frame, clip, image, mask, alpha, heat, candidate}: the image lies centred
 * in `frame` and is drawn within `clip`; `heat` names a map that is drawn in place of a mask.
 *
 * @param size {width, height} of the stage
 * @param shown {candidate, candidates}: the selected one and all, by rank, each with `mask`
 * @param settings {mode, opacity, visible, swipe}
 */
export function panesOf(size, shown, { mode, opacity, visible, swipe }) {
  const whole = { left: 0, top: 0, width: size.width, height: size.height };
  const own = { image: true, mask: shown.candidate?.mask ?? null, alpha: visible ? opacity : 0, candidate: null };
  const bare = { ...own, alpha: 0 };
  switch (mode) {
    case "image":
      return [placed(whole, bare)];
    case "mask":
      return [placed(whole, visible ? { ...own, image: false, alpha: 1 } : bare)];
    case "side": {
      const [left, right] = cut(whole, 2, 1);
      return [placed(left, bare), placed(right, own)];
    }
    case "swipe": {
      const edge = Math.round(size.width * swipe);
      const before = { ...whole, width: edge };
      const after = { ...whole, left: edge, width: size.width - edge };
      return [
        { ...placed(whole, own), clip: before },
        { ...placed(whole, bare), clip: after },
      ];
    }
    case "two":
    case "four": {
      const chosen = compared(shown, mode === "two" ? 2 : 4);
      if (chosen.length < 2) return [placed(whole, own)];
      const frames = cut(whole, 2, chosen.length > 2 ? 2 : 1);
      return chosen.map((candidate, index) =>
        placed(frames[index], { ...own, mask: candidate.mask, candidate }),
      );
    }
    case "dispute":
    case "errors":
    case "why":
      return [placed(whole, { ...own, mask: null, heat: mode, alpha: visible ? Math.max(opacity, 0.3) : 0 })];
    default:
      return [placed(whole, own)];
  }
}

/** The best `count` candidates; the selected one is always among them, if need be as the last. */
function compared({ candidate, candidates }, count) {
  const best = candidates.slice(0, count);
  if (candidate && !best.includes(candidate)) best[best.length - 1] = candidate;
  return best;
}

function placed(frame, content) {
  return { frame, clip: frame, heat: null, ...content };
}

function cut({ width, height }, columns, rows) {
  const [wide, high] = [(width - GAP * (columns - 1)) / columns, (height - GAP * (rows - 1)) / rows];
  const frames = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      frames.push({ left: column * (wide + GAP), top: row * (high + GAP), width: wide, height: high });
    }
  }
  return frames;
}

export function contains({ left, top, width, height }, x, y) {
  return x >= left && x <= left + width && y >= top && y <= top + height;
}
