// Mouse, pen and fingers on the stage: drag, wheel, pinch, click and double click.

const CLICK_PX = 4; // a pointer that moved less was not dragging

/**
 * @param stage what is moved: panBy(dx, dy), zoomBy(factor, x, y), fit(), pick(x, y), hover(x, y)
 *   or hover() for nowhere; places are in CSS px of the canvas. Its `tool`, where there is one, has
 *   one finger and the main button (begin, drag, end, cancel, close) unless Space is held.
 */
export function listenForGestures(canvas, stage) {
  const down = new Map(); // pointer id -> [x, y], where each one is now
  let drawing = null; // the pointer that the tool has
  let moved = 0; // how far since the first of them came down
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      const step = Math.max(-240, Math.min(240, event.deltaY * lines));
      stage.zoomBy(Math.exp(-step / 400), ...at(event));
    },
    { passive: false },
  );
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button > 1) return;
    if (event.pointerType === "touch") stage.hover(...at(event)); // a finger comes without moving
    if (down.size === 0) moved = 0;
    down.set(event.pointerId, at(event));
    if (down.size > 1) moved = Infinity; // two fingers never click
    canvas.setPointerCapture(event.pointerId);
    if (drawing !== null) {
      stage.tool?.cancel(); // a second finger zooms: the first one did not mean to draw
      drawing = null;
    } else if (stage.tool && down.size === 1 && event.button === 0 && !stage.holding) {
      drawing = event.pointerId;
      stage.tool.begin(...at(event), event.shiftKey);
      return;
    }
    canvas.classList.add("dragging");
  });
  canvas.addEventListener("pointermove", (event) => {
    const place = at(event);
    const before = down.get(event.pointerId);
    if (!before) {
      stage.hover(...place);
      return;
    }
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    down.set(event.pointerId, place);
    moved += distance(place, before);
    if (event.pointerId === drawing) {
      // Everywhere the pointer was since the last frame, so that quick curves stay round.
      const parts = event.getCoalescedEvents();
      for (const part of parts.length > 0 ? parts : [event]) stage.tool?.drag(...at(part));
      stage.hover(...place);
    } else if (other) {
      // The middle between two fingers keeps what lies under it, their distance is the scale.
      const [from, to] = [middle(before, other), middle(place, other)];
      stage.panBy(to[0] - from[0], to[1] - from[1]);
      stage.zoomBy(distance(place, other) / Math.max(1, distance(before, other)), ...to);
    } else {
      stage.panBy(place[0] - before[0], place[1] - before[1]);
      stage.hover(...place);
    }
  });
  const end = (event) => {
    down.delete(event.pointerId);
    if (event.pointerId === drawing) {
      drawing = null;
      stage.tool?.end();
    }
    if (down.size === 0) canvas.classList.remove("dragging");
  };
  canvas.addEventListener("pointerup", (event) => {
    const clicked = down.has(event.pointerId) && moved < CLICK_PX && !stage.tool;
    end(event);
    if (clicked) stage.pick(...at(event));
  });
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", (event) => {
    // What lay under a finger can be read once it is lifted.
    if (event.pointerType === "touch") stage.tool?.hover(null, null);
    else stage.hover();
  });
  canvas.addEventListener("dblclick", () => (stage.tool ? stage.tool.close() : stage.fit()));
}

function distance([x1, y1], [x2, y2]) {
  return Math.hypot(x1 - x2, y1 - y2);
}

function middle([x1, y1], [x2, y2]) {
  return [(x1 + x2) / 2, (y1 + y2) / 2];
}
