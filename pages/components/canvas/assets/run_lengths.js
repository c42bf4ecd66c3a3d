// Bitmaps as COCO's compressed run lengths, as rsqa_core/raster/run_lengths.py writes and reads them:
// column by column, run by run, five bits to a sign.

/** The text of a bitmap whose pixels are set where `bitmap` (row by row) is not 0. */
export function encodeRuns(bitmap, width, height) {
  const lengths = [0];
  let set = false;
  for (let column = 0; column < width; column++) {
    for (let at = column; at < bitmap.length; at += width) {
      if ((bitmap[at] !== 0) !== set) {
        set = !set;
        lengths.push(0);
      }
      lengths[lengths.length - 1] += 1;
    }
  }
  return lengths.map((length, index) => numberText(index > 2 ? length - lengths[index - 2] : length)).join("");
}

function numberText(number) {
  let text = "";
  for (let value = number; ; ) {
    const group = value & 31;
    value >>= 5;
    const last = value === (group & 16 ? -1 : 0); // the fifth bit of the last group is the sign
    text += String.fromCharCode(48 + group + (last ? 0 : 32));
    if (last) return text;
  }
}

/** Call `set(index)` for each pixel that is set; indices are row by row. */
export function decodeRuns(text, width, height, set) {
  const lengths = [];
  let [value, shift, at] = [0, 0, 0];
  for (const sign of text) {
    const code = sign.charCodeAt(0) - 48;
    value |= (code & 31) << shift;
    shift += 5;
    if (code & 32) continue;
    if (code & 16) value -= 2 ** shift;
    if (lengths.length > 2) value += lengths.at(-2);
    if (lengths.length % 2 === 1) {
      for (let run = at; run < at + value; run++) set((run % height) * width + Math.floor(run / height));
    }
    at += value;
    lengths.push(value);
    [value, shift] = [0, 0];
  }
}
