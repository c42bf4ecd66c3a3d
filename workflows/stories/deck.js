// Turns sections into slides: one at a time, by button or key. A presenter's remote sends PageUp and
// PageDown.
(() => {
  const slides = [...document.querySelectorAll(".slide")];
  const [back, on, whole] = ["back", "on", "whole"].map((id) => document.getElementById(id));
  const count = document.getElementById("count");
  let at = 0;

  function show(place, focus = true) {
    at = Math.max(0, Math.min(slides.length - 1, place));
    slides.forEach((slide, index) => {
      slide.classList.toggle("now", index === at);
      slide.setAttribute("aria-hidden", String(index !== at));
    });
    count.textContent = `${at + 1} of ${slides.length}`;
    back.disabled = at === 0;
    on.disabled = at === slides.length - 1;
    if (focus) slides[at].focus({ preventScroll: true });
    try {
      history.replaceState(null, "", `#${at + 1}`);
    } catch {
      // Inside another page there is no address to keep the place in.
    }
  }

  back.addEventListener("click", () => show(at - 1));
  on.addEventListener("click", () => show(at + 1));
  whole.hidden = !document.fullscreenEnabled;
  whole.addEventListener("click", toggleWhole);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inRange = event.target.matches("input");
    const steps = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 };
    if (event.key === "f" || event.key === "F") toggleWhole();
    else if (event.key === "Home" && !inRange) show(0);
    else if (event.key === "End" && !inRange) show(slides.length - 1);
    else if (event.key in steps && !(inRange && event.key.startsWith("Arrow")) && !(event.key === " " && event.target.matches("button"))) {
      show(at + steps[event.key]);
    } else return;
    event.preventDefault();
  });

  function toggleWhole() {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen?.();
  }

  for (const look of document.querySelectorAll(".look")) {
    const [frame, range] = [look.querySelector(".frame"), look.querySelector("input")];
    const set = (share) => {
      const kept = Math.max(0, Math.min(1, share));
      frame.style.setProperty("--at", kept);
      range.value = Math.round(100 * kept);
    };
    range?.addEventListener("input", () => set(range.value / 100));
    const drag = (event) => {
      const box = frame.getBoundingClientRect();
      if (range) set((event.clientX - box.left) / box.width);
    };
    frame.addEventListener("pointerdown", (event) => {
      frame.setPointerCapture(event.pointerId);
      drag(event);
    });
    frame.addEventListener("pointermove", (event) => {
      if (frame.hasPointerCapture(event.pointerId)) drag(event);
    });
    const buttons = [...look.querySelectorAll(".candidates button")];
    for (const button of buttons) {
      button.addEventListener("click", () => {
        buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
        frame.querySelector(".mask").src = button.dataset.mask;
      });
    }
  }

  show(Number.parseInt(location.hash.slice(1), 10) - 1 || 0, false);
})();
