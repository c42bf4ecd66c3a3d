// Draws marks onto the stage as a black and white hatch, which no class has for a colour and which
// shows on everything, whoever looks at it. The stripes are the screen's, so that they stay crisp.

const STRIPE_PX = 8; // from one stripe to the next, along a row of the screen

export class MarkLayer {
  constructor() {
    this.canvas = new OffscreenCanvas(1, 1);
    this.context = this.canvas.getContext("2d");
    this.pattern = null;
  }

  /**
   * Hatch what is marked, within what the stage shows of the image.
   *
   * @param context of the stage, with the transform from image to screen and its clip
   * @param size {width, height} of the image in the transform's units
   */
  hatch(context, bitmap, size) {
    const { canvas } = context;
    const layer = this.context;
    if (this.canvas.width !== canvas.width || this.canvas.height !== canvas.height) {
      this.canvas.width = canvas.width;
      this.canvas.height = canvas.height;
    }
    layer.setTransform(1, 0, 0, 1, 0, 0);
    layer.globalCompositeOperation = "copy"; // also clears what was there
    layer.setTransform(context.getTransform());
    layer.imageSmoothingEnabled = false;
    layer.drawImage(bitmap, 0, 0, size.width, size.height);
    layer.setTransform(1, 0, 0, 1, 0, 0);
    layer.globalCompositeOperation = "source-in";
    layer.fillStyle = this.pattern ??= layer.createPattern(stripes(), "repeat");
    layer.fillRect(0, 0, canvas.width, canvas.height);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalAlpha = 1;
    context.drawImage(this.canvas, 0, 0);
  }
}

function stripes() {
  const tile = new OffscreenCanvas(STRIPE_PX, STRIPE_PX);
  const context = tile.getContext("2d");
  for (let row = 0; row < STRIPE_PX; row++) {
    for (let column = 0; column < STRIPE_PX; column++) {
      const at = (row + column) % STRIPE_PX;
      context.fillStyle = at < 2 ? "#14161a" : at < 4 ? "#ffffff" : "rgb(255 255 255 / 30%)";
      context.fillRect(column, row, 1, 1);
    }
  }
  return tile;
}

/** Lines that are seen on everything, dark within light; `path` makes them in CSS px of the canvas. */
export function outline(context, ratio, clip, dashed, path) {
  context.save();
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.beginPath();
  context.rect(clip.left, clip.top, clip.width, clip.height);
  context.clip();
  if (dashed) context.setLineDash([5, 4]);
  for (const [colour, width] of [["#ffffff", 3], ["#14161a", 1.5]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    path(context);
    context.stroke();
  }
  context.restore();
}
