// Small images below the stage: the last ten decided, the present one, the next five.

import { el, icon, percent, setAttribute, setText } from "./dom.js";

const BEFORE = 10;
const AFTER = 5;
const SIDE_PX = 112; // drawn at twice the shown size, for dense screens
const KEPT = 80;

const KINDS = {
  confirm: { icon: "check", word: "confirmed" },
  correct: { icon: "pencil", word: "corrected" },
  skip: { icon: "skip", word: "skipped" },
  flag: { icon: "flag", word: "flagged" },
  none_acceptable: { icon: "cross", word: "none acceptable" },
};

export class Filmstrip {
  constructor({ onOpen }) {
    this.onOpen = onOpen;
    this.pictures = new Map(); // image id -> small canvas; outlives the large bitmaps
    this.cells = [];
    this.root = el("nav", { class: "filmstrip", "aria-label": "Recent and next images" });
    for (let index = 0; index < BEFORE + 1 + AFTER; index++) this.cells.push(this.cell(index));
  }

  cell(index) {
    const canvas = el("canvas", { width: SIDE_PX, height: SIDE_PX, "aria-hidden": "true" });
    const badge = el("span", { class: "film-badge" });
    const place = index < BEFORE ? "past" : index === BEFORE ? "now" : "next";
    const root = el("button", { type: "button", class: `film ${place}` }, canvas, badge);
    const cell = { root, canvas, badge, imageId: null, drawnId: null, kind: null };
    root.addEventListener("click", (event) => {
      if (cell.imageId !== null) this.onOpen(cell.imageId, event);
    });
    this.root.append(root);
    return cell;
  }

  update(session) {
    const { queue, history } = session;
    const currentId = queue.currentId;
    const past = history.recent().filter((row) => row.image_id !== currentId);
    const next = queue.upcoming(AFTER);
    for (const [index, cell] of this.cells.entries()) {
      let row = null;
      let id = null;
      if (index < BEFORE) {
        row = past[past.length - BEFORE + index] ?? null;
        id = row?.image_id ?? null;
      } else if (index === BEFORE) {
        id = currentId;
        row = id === null ? null : history.of(id);
      } else id = next[index - BEFORE - 1]?.id ?? null;
      this.fill(cell, id, row, session, index - BEFORE);
    }
  }

  fill(cell, id, row, session, offset) {
    cell.imageId = id;
    cell.root.disabled = id === null;
    cell.root.classList.toggle("empty", id === null);
    setAttribute(cell.root, "aria-hidden", id === null ? "true" : null);
    const kind = row ? row.kind : null;
    if (kind !== cell.kind) {
      cell.kind = kind;
      cell.badge.replaceChildren(...(kind ? [icon(KINDS[kind].icon)] : []));
      cell.badge.append(el("span"));
      setAttribute(cell.badge, "data-kind", kind);
    }
    if (kind) setText(cell.badge.lastChild, row.score == null ? "" : percent(row.score).replace(" ", ""));
    const name = session.queue.items.get(id)?.name ?? (id === null ? "" : `image ${id}`);
    const decision = row ? `, ${KINDS[kind].word}${row.score == null ? "" : ` ${percent(row.score)}`}` : "";
    const place = offset === 0 ? "This image" : offset < 0 ? "Back to" : "On to";
    setAttribute(cell.root, "aria-label", id === null ? null : `${place}: ${name}${decision}`);
    setAttribute(cell.root, "title", id === null ? null : `${name}${decision}`);
    setAttribute(cell.root, "aria-current", offset === 0 ? "true" : null);
    this.draw(cell, session);
  }

  draw(cell, session) {
    const picture = cell.imageId === null ? null : this.picture(cell.imageId, session);
    const drawnId = picture ? cell.imageId : null;
    if (cell.drawnId === drawnId) return;
    cell.drawnId = drawnId;
    const context = cell.canvas.getContext("2d");
    context.clearRect(0, 0, SIDE_PX, SIDE_PX);
    if (picture) context.drawImage(picture, 0, 0);
  }

  picture(imageId, session) {
    const known = this.pictures.get(imageId);
    if (known) return known;
    const item = session.queue.items.get(imageId);
    const image = item && (session.media.get(item.display) ?? session.media.get(session.look(item).display));
    if (!image) return null;
    const side = Math.min(image.width, image.height);
    const canvas = new OffscreenCanvas(SIDE_PX, SIDE_PX);
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(
      image.bitmap,
      (image.width - side) / 2,
      (image.height - side) / 2,
      side,
      side,
      0,
      0,
      SIDE_PX,
      SIDE_PX,
    );
    this.pictures.set(imageId, canvas);
    if (this.pictures.size > KEPT) this.pictures.delete(this.pictures.keys().next().value);
    return canvas;
  }

  /** Images of the past that this page has no data of, newest first. */
  missing(session) {
    return session.history
      .recent()
      .map((row) => row.image_id)
      .filter((id) => !session.queue.items.has(id) && !this.pictures.has(id))
      .reverse();
  }
}
