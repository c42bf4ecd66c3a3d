// Images and masks in memory, loaded ahead of need and forgotten when they take too much room.

const PARALLEL = 6; // what a browser opens to one host over HTTP/1.1
const RETRY_AFTER_MS = 3000;

/**
 * Files by address: images as {bitmap, bytes}, masks as {ids, width, height, bytes}, maps as
 * {values, width, height, bytes}.
 */
export class MediaCache {
  /** `onLoaded(address)` is called for each file that arrives, `onFailed(address)` for the rest. */
  constructor(server, { budgetBytes = 192 * 2 ** 20, onLoaded, onFailed }) {
    this.server = server;
    this.budgetBytes = budgetBytes;
    this.onLoaded = onLoaded;
    this.onFailed = onFailed;
    this.files = new Map(); // least recently used first
    this.bytes = 0;
    this.wanted = [];
    this.loading = new Set();
    this.failures = new Map(); // address -> {error, at}
    this.pinned = new Set();
  }

  /** The file when it is here, otherwise null. */
  get(address) {
    const file = this.files.get(address);
    if (!file) return null;
    this.files.delete(address);
    this.files.set(address, file);
    return file;
  }

  has(address) {
    return this.files.has(address);
  }

  failure(address) {
    return this.failures.get(address)?.error ?? null;
  }

  /**
   * Say what is needed, most urgent first: [{address, kind: "image"|"mask"|"map"}]. What was wanted
   * before and has not begun to load is dropped. The addresses in `pinned` are never evicted.
   */
  want(list, pinned) {
    this.wanted = list;
    this.pinned = new Set(pinned);
    this.pump();
  }

  retry(addresses) {
    for (const address of addresses) this.failures.delete(address);
    this.pump();
  }

  retryAll() {
    if (this.failures.size === 0) return;
    this.failures.clear();
    this.pump();
  }

  pump() {
    const now = performance.now();
    for (const { address, kind } of this.wanted) {
      if (this.loading.size >= PARALLEL) return;
      if (this.files.has(address) || this.loading.has(address)) continue;
      const failed = this.failures.get(address);
      if (failed && now - failed.at < RETRY_AFTER_MS) continue;
      this.load(address, kind);
    }
  }

  async load(address, kind) {
    this.loading.add(address);
    let failed = false;
    try {
      const blob = await this.server.blob(address);
      const file = await DECODERS[kind](blob);
      this.failures.delete(address);
      this.keep(address, file);
    } catch (error) {
      failed = true;
      this.failures.set(address, { error, at: performance.now() });
    } finally {
      this.loading.delete(address);
    }
    if (failed) this.onFailed(address);
    else this.onLoaded(address);
    this.pump();
  }

  keep(address, file) {
    this.files.set(address, file);
    this.bytes += file.bytes;
    for (const [oldest, old] of this.files) {
      if (this.bytes <= this.budgetBytes) break;
      if (oldest === address || this.pinned.has(oldest)) continue;
      this.files.delete(oldest);
      this.bytes -= old.bytes;
      old.bitmap?.close();
    }
  }

  dispose() {
    this.wanted = [];
    for (const file of this.files.values()) file.bitmap?.close();
    this.files.clear();
    this.bytes = 0;
  }
}

const DECODERS = {
  image: decodeImage,
  mask: decodeMask,
  map: async (blob) => {
    const { ids, ...rest } = await decodeMask(blob);
    return { values: ids, ...rest };
  },
};

async function decodeImage(blob) {
  const bitmap = await createImageBitmap(blob);
  return { bitmap, width: bitmap.width, height: bitmap.height, bytes: bitmap.width * bitmap.height * 4 };
}

/** Decode an 8-bit index PNG to its class ids, one byte per pixel, row by row. */
async function decodeMask(blob) {
  // Colour management and premultiplication would change the numbers, which are ids, not colours.
  const bitmap = await createImageBitmap(blob, {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const rgba = context.getImageData(0, 0, width, height).data;
  const ids = new Uint8Array(width * height);
  for (let index = 0; index < ids.length; index++) ids[index] = rgba[index * 4];
  return { ids, width, height, bytes: ids.length };
}
