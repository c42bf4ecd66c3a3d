// Where the candidates of an image disagree, pixel by pixel, and where that is worst.

const CELLS = 16; // of the longer side; a disputed region is about as large as one
const REGIONS = 12;
const LEAST_SHARE = 0.2; // of the worst region's dispute: what is left alone below it

/**
 * Entropy of the candidates' votes at every pixel, as {values, width, height}: 0 where all agree,
 * 255 where they spread as far as they can. Null for fewer than two masks, or masks of several sizes.
 *
 * @param masks {ids, width, height} of each candidate
 * @param classCount classes of the project; no label counts as one more
 */
export function disagreementOf(masks, classCount) {
  const count = masks.length;
  if (count < 2) return null;
  const { width, height } = masks[0];
  if (masks.some((mask) => mask.width !== width || mask.height !== height)) return null;
  // A candidate whose class has v of the votes adds one of v equal terms of that class.
  const most = Math.log(Math.min(count, classCount + 1));
  const terms = Float32Array.from({ length: count + 1 }, (_, votes) =>
    votes === 0 ? 0 : ((-Math.log(votes / count) / count / most) * 255),
  );
  const values = new Uint8ClampedArray(width * height);
  const ids = masks.map((mask) => mask.ids);
  const votes = new Uint8Array(count);
  for (let pixel = 0; pixel < values.length; pixel++) {
    votes.fill(1);
    for (let one = 1; one < count; one++) {
      const id = ids[one][pixel];
      for (let other = 0; other < one; other++) {
        if (ids[other][pixel] === id) {
          votes[one]++;
          votes[other]++;
        }
      }
    }
    let entropy = 0;
    for (let one = 0; one < count; one++) entropy += terms[votes[one]];
    values[pixel] = entropy;
  }
  return { values, width, height };
}

/** Centres of the places where most is disputed, worst first: [{x, y}] as fractions of the image. */
export function disputedRegions({ values, width, height }) {
  const step = Math.max(1, Math.ceil(Math.max(width, height) / CELLS));
  const [columns, rows] = [Math.ceil(width / step), Math.ceil(height / step)];
  const sums = new Float64Array(columns * rows);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / step) * columns;
    for (let x = 0; x < width; x++) sums[row + Math.floor(x / step)] += values[y * width + x];
  }
  const order = [...sums.keys()].filter((cell) => sums[cell] > 0).sort((a, b) => sums[b] - sums[a]);
  const least = order.length > 0 ? sums[order[0]] * LEAST_SHARE : 0;
  const found = [];
  for (const cell of order) {
    if (found.length === REGIONS || sums[cell] < least) break;
    const place = { column: cell % columns, row: Math.floor(cell / columns) };
    // A neighbour of a region that is on the list already is seen with that one.
    const seen = found.some(
      (one) => Math.abs(one.column - place.column) <= 1 && Math.abs(one.row - place.row) <= 1,
    );
    if (!seen) found.push(place);
  }
  return found.map(({ column, row }) => ({
    x: Math.min(1, ((column + 0.5) * step) / width),
    y: Math.min(1, ((row + 0.5) * step) / height),
  }));
}

/** What a region's surroundings take of the image's longer side. */
export const REGION_SHARE = 4 / CELLS;

// From nothing through orange to dark red: denser and darker all the way, for every eye.
const HEAT = heatTable();

/** Draw values of 0..255 ({values, width, height}) as heat: 0 is clear, 255 is dark and opaque. */
export function paintHeat({ values, width, height }) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  const words = new Uint32Array(pixels.data.buffer);
  for (let index = 0; index < values.length; index++) words[index] = HEAT[values[index]];
  context.putImageData(pixels, 0, 0);
  return canvas;
}

function heatTable() {
  const words = new Uint32Array(256);
  const bytes = new Uint8ClampedArray(words.buffer);
  for (let value = 1; value < 256; value++) {
    const share = value / 255;
    bytes.set([255 - 125 * share ** 2, 190 * (1 - share), 40 * (1 - share), 255 * share ** 0.75], value * 4);
  }
  return words;
}
