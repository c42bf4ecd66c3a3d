// Which places carry a score, drawn over the image: blue adds, orange takes away, and the cells that
// add most are outlined, so that nobody has to tell colours apart.

const SIDE = 8; // cells a side, as the head looks at an image
const PX = 256; // of the colours, so that what lies between cells is smooth however near one looks
const OUTLINE_PX = 1024;
const ADDS = [24, 116, 205];
const TAKES = [214, 108, 12];
const OPAQUE = 225;
export const MARKED = 0.25; // of the cells, those that add most

/** How many cells are MARKED of all. */
export function quarterOf(cells) {
  return Math.round(MARKED * cells.length);
}

/** Numbers of the cells that add most; more than a quarter where some add the same, as in a region. */
export function markedCells(cells) {
  const least = [...cells].sort((a, b) => b - a)[quarterOf(cells) - 1];
  return new Set([...cells.keys()].filter((cell) => cells[cell] >= least));
}

/**
 * Pictures of a map as {colours, outline}, both over the whole image.
 *
 * @param cells what each cell adds, row by row
 */
export function paintCells(cells) {
  const small = new OffscreenCanvas(SIDE, SIDE);
  const context = small.getContext("2d");
  const pixels = context.createImageData(SIDE, SIDE);
  const most = Math.max(...cells.map(Math.abs), 1e-9);
  cells.forEach((value, cell) => {
    pixels.data.set([...(value < 0 ? TAKES : ADDS), OPAQUE * (Math.abs(value) / most) ** 0.8], cell * 4);
  });
  context.putImageData(pixels, 0, 0);
  const large = new OffscreenCanvas(PX, PX);
  const drawn = large.getContext("2d");
  drawn.imageSmoothingQuality = "high";
  drawn.drawImage(small, 0, 0, PX, PX);
  return { colours: large, outline: outlineOf(markedCells(cells)) };
}

/** White on dark lines between cells that are marked and those that are not. */
function outlineOf(marked) {
  const canvas = new OffscreenCanvas(OUTLINE_PX, OUTLINE_PX);
  const context = canvas.getContext("2d");
  const step = OUTLINE_PX / SIDE;
  const has = (x, y) => x >= 0 && y >= 0 && x < SIDE && y < SIDE && marked.has(y * SIDE + x);
  context.beginPath();
  for (const cell of marked) {
    const [x, y] = [cell % SIDE, Math.floor(cell / SIDE)];
    const [left, top, right, bottom] = [x, y, x + 1, y + 1].map((edge) => Math.min(OUTLINE_PX - 3, Math.max(3, edge * step)));
    const sides = [
      [x, y - 1, left, top, right, top],
      [x, y + 1, left, bottom, right, bottom],
      [x - 1, y, left, top, left, bottom],
      [x + 1, y, right, top, right, bottom],
    ];
    for (const [nextX, nextY, fromX, fromY, toX, toY] of sides) {
      if (has(nextX, nextY)) continue;
      context.moveTo(fromX, fromY);
      context.lineTo(toX, toY);
    }
  }
  context.lineCap = "square";
  for (const [colour, width] of [["#14161a", 7], ["#ffffff", 3]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.stroke();
  }
  return canvas;
}
