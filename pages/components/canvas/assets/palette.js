// Colours of classes, and masks drawn with them.

/** Okabe and Ito's colours, told apart with every common form of colour blindness. */
const SAFE = [
  [230, 159, 0], // orange
  [86, 180, 233], // sky blue
  [0, 158, 115], // green
  [240, 228, 66], // yellow
  [0, 114, 178], // blue
  [213, 94, 0], // vermilion
  [204, 121, 167], // pink
  [187, 187, 187], // grey
];

/** What people expect of common land cover, in the order in which colours are given away. */
const EXPECTED = [
  [/water|river|lake|sea|ocean|pond/, 4],
  [/tree|forest|wood|vegetation|grass|park|green|crop/, 2],
  [/building|roof|house|built/, 5],
  [/road|street|pavement|asphalt|impervious|paved/, 7],
  [/land|soil|bare|barren|sand|ground|desert/, 0],
  [/field|farm|agri|shrub|low veg/, 3],
];

/**
 * Colours by class id. "project" takes the project's own; "safe" gives each class the safe colour
 * that its name suggests, if that is free, and otherwise the free one nearest to its own colour.
 * With more classes than safe colours the project's own are used.
 */
export function classColours(classes, palette) {
  const own = new Map(classes.map((entry) => [entry.id, entry.color]));
  if (palette !== "safe" || classes.length > SAFE.length) return own;
  const chosen = new Map();
  const taken = new Set();
  const give = (id, index) => {
    if (chosen.has(id) || taken.has(index)) return;
    chosen.set(id, SAFE[index]);
    taken.add(index);
  };
  for (const [names, index] of EXPECTED) {
    for (const entry of classes) if (names.test(entry.name.toLowerCase())) give(entry.id, index);
  }
  const pairs = [];
  for (const entry of classes) {
    for (const [index, colour] of SAFE.entries()) {
      pairs.push({ id: entry.id, index, distance: distance(entry.color, colour) });
    }
  }
  pairs.sort((a, b) => a.distance - b.distance || a.id - b.id || a.index - b.index);
  for (const { id, index } of pairs) give(id, index);
  return chosen;
}

export function safeColoursSuffice(classes) {
  return classes.length <= SAFE.length;
}

/** 256 RGBA words by class id; ids that are hidden, void or unknown are transparent. */
export function lookupTable(colours, hidden) {
  const words = new Uint32Array(256);
  const bytes = new Uint8ClampedArray(words.buffer); // canvas order whatever the machine's
  for (const [id, [red, green, blue]] of colours) {
    if (!hidden.has(id)) bytes.set([red, green, blue, 255], id * 4);
  }
  return words;
}

/** Colour a mask ({ids, width, height}) into a canvas of its size. */
export function paintMask(mask, table) {
  const canvas = new OffscreenCanvas(mask.width, mask.height);
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(mask.width, mask.height);
  const words = new Uint32Array(pixels.data.buffer);
  const { ids } = mask;
  for (let index = 0; index < ids.length; index++) words[index] = table[ids[index]];
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/** Black or white, whichever reads better on an sRGB colour. */
export function readableOn([red, green, blue]) {
  const linear = (value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  return luminance > 0.179 ? "#000000" : "#ffffff";
}

export function cssColour([red, green, blue]) {
  return `rgb(${red} ${green} ${blue})`;
}

// The "redmean" distance: close to how eyes compare sRGB colours, without a colour space library.
function distance(a, b) {
  const mean = (a[0] + b[0]) / 2;
  const [red, green, blue] = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
  return (2 + mean / 256) * red ** 2 + 4 * green ** 2 + (2 + (255 - mean) / 256) * blue ** 2;
}
