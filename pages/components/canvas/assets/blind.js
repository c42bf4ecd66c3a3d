// Blind review: what the head says of an image stays hidden until the reviewer has decided on it.

const hidden = new WeakMap(); // item -> the same item without predictions

/** The item without predictions, its candidates by name: their order must not give them away. */
export function withoutPredictions(item) {
  let bare = hidden.get(item);
  if (!bare) {
    const candidates = item.candidates
      .map((one) => ({ ...one, score: null, errors: null, hidden: true }))
      .sort((a, b) => a.segmenter.localeCompare(b.segmenter));
    bare = { ...item, recommended_id: null, none_acceptable: false, candidates };
    hidden.set(item, bare);
  }
  return bare;
}
