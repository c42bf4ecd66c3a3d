// Which files the canvas wants, most urgent first.

const AHEAD = 12;
const AHEAD_WITH_ALL_MASKS = 5;

const MEASURES_KEPT = 2000;

export const BUDGET_BYTES = 192 * 2 ** 20;

let measured = 0;

/**
 * Files for the current item, those that follow and those just left: {list, pinned}. A burst of
 * decisions needs the images and top masks of many items; looking around within one item needs all
 * masks of a few.
 *
 * @param look gives an item as the reviewer may see it
 * @param withErrors whether error maps are on screen, of the selected and of coming candidates
 */
export function wantedMedia(queue, history, selected, withErrors, look) {
  const item = look(queue.current);
  const next = queue.upcoming(aheadCount(item)).map(look);
  const near = next.slice(0, AHEAD_WITH_ALL_MASKS);
  const list = [];
  const image = (one) => list.push({ address: one.display, kind: "image" });
  const masks = (candidates) => {
    for (const entry of candidates) list.push({ address: entry.mask, kind: "mask" });
  };
  const errors = (candidate) => {
    if (candidate?.errors) list.push({ address: candidate.errors, kind: "map" });
  };
  const both = (one) => {
    image(one);
    masks(one.candidates.slice(0, 1));
  };
  if (item) {
    image(item);
    masks(selected ? [selected] : []);
    if (withErrors) errors(selected);
  }
  next.slice(0, 2).forEach(both);
  const pinned = list.map((entry) => entry.address);
  next.slice(2).forEach(both);
  if (item) masks(item.candidates);
  if (withErrors) for (const one of next.slice(0, 3)) errors(one.candidates[0]);
  for (const one of near) masks(one.candidates.slice(1));
  for (const row of history.recent().toReversed()) {
    const seen = queue.items.get(row.image_id);
    if (seen) image(look(seen));
  }
  return { list, pinned };
}

/** As many items as fit into half the budget, so that those just seen stay as well. */
function aheadCount(item) {
  if (!item) return AHEAD;
  const bytes = item.width_px * item.height_px * (4 + item.candidates.length);
  return Math.max(2, Math.min(AHEAD, Math.floor(BUDGET_BYTES / 2 / bytes)));
}

/** Measure from a key press to the frame that shows its effect, as "rsqa:key-to-paint". */
export function measureAfterPaint(keyTime, imageId) {
  requestAnimationFrame(() => {
    // A message is handled after the frame has been painted; a timer might wait longer.
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      if (++measured % MEASURES_KEPT === 0) performance.clearMeasures("rsqa:key-to-paint");
      performance.measure("rsqa:key-to-paint", {
        start: keyTime,
        end: performance.now(),
        detail: { imageId },
      });
      channel.port1.close();
    };
    channel.port2.postMessage(null);
  });
}
