"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const overlay = byId("overlay"), stage = byId("stage"), sheet = byId("sheet"), status = byId("status");
  const sentences = all(".sentence"), entries = all(".entry"), labels = all(".label", overlay);
  const drawn = all("[data-region],[data-sentence]", overlay);
  const words = (text) => (text ? text.split(" ") : []);
  const same = (a, b) => Boolean(a && b && a.kind === b.kind && a.id === b.id);
  let hovered = null, focused = null, pinned = null, zoom = 1;

  // Which sentences and regions are lit by a sentence or a region; `direct` shows its evidence.
  function lightOf(target) {
    if (!target) return { sentences: new Set(), regions: new Set(), direct: null };
    if (target.kind === "sentence") {
      const item = byId("sentence-" + target.id);
      return { sentences: new Set([target.id]), regions: new Set(words(item.dataset.regions)), direct: target.id };
    }
    const item = byId("region-" + target.id);
    return { sentences: new Set(words(item.dataset.sentences)), regions: new Set([target.id]), direct: null };
  }

  function show() {
    const target = hovered || focused || pinned, light = lightOf(target);
    overlay.classList.toggle("focused", target !== null);
    for (const item of sentences) {
      const isPinned = same(pinned, { kind: "sentence", id: item.dataset.sentence });
      item.classList.toggle("lit", light.sentences.has(item.dataset.sentence));
      item.classList.toggle("pinned", isPinned);
      item.querySelector(".says").setAttribute("aria-pressed", String(isPinned));
      item.querySelector(".pin").hidden = !isPinned;
    }
    for (const item of entries) {
      item.classList.toggle("lit", light.regions.has(item.dataset.region));
      item.setAttribute("aria-pressed", String(same(pinned, { kind: "region", id: item.dataset.region })));
    }
    for (const item of drawn) {
      const { region, sentence } = item.dataset;
      item.classList.toggle("lit", region ? light.regions.has(region) : light.direct === sentence);
    }
    overlay.classList.toggle("warm", all(".heat.lit", overlay).length > 0);
    placeLabels();
  }

  function isShown(label) {
    if (label.classList.contains("lit")) return true;
    if (label.dataset.sentence || overlay.classList.contains("focused")) return false;
    const drawsIt = label.classList.contains("cited") || overlay.classList.contains("all");
    return byId("show-labels").checked && drawsIt;
  }

  // Labels keep their size on the screen and take the first of their spots that is free. Where the
  // film is small only what is lit is named; the rest shows its number.
  function placeLabels(width = sheet.clientWidth, size = 12) {
    const view = overlay.viewBox.baseVal, unit = view.width / Math.max(width, 1);
    const taken = rulerBoxes(size * 0.5 * unit), roomy = width >= 380 && !overlay.classList.contains("crowded");
    const order = labels.filter((label) => { const on = isShown(label); label.classList.toggle("shown", on); return on; });
    order.sort((a, b) => Number(b.classList.contains("lit")) - Number(a.classList.contains("lit")));
    for (const label of order) {
      const text = label.querySelector("text"), { short, full } = label.dataset;
      const named = label.classList.contains("lit") || (roomy && label.classList.contains("cited"));
      if (full) text.textContent = named ? full : short;
      text.setAttribute("font-size", String(size * unit));
      const need = text.getComputedTextLength() + 10 * unit, fit = Math.min(1, view.width / need);
      text.setAttribute("font-size", String(size * unit * fit));
      const wide = need * fit, high = size * 1.55 * unit * fit;
      const box = freeBox(label.dataset.spots, wide, high, view, taken, unit);
      taken.push(box);
      const rect = label.querySelector("rect");
      for (const [name, value] of Object.entries({ x: box.x, y: box.y, width: wide, height: high, rx: 3 * unit })) rect.setAttribute(name, value.toFixed(2));
      text.setAttribute("x", (box.x + wide / 2).toFixed(2));
      text.setAttribute("y", (box.y + high / 2).toFixed(2));
    }
  }

  // Small boxes along the measured lines in sight, which no label should cover.
  function rulerBoxes(reach) {
    const boxes = [];
    for (const group of all(".evidence.lit", overlay)) {
      for (const line of group.dataset.lines.split(";").filter(Boolean)) {
        const [x0, y0, x1, y1] = line.split(",").map(Number);
        const count = Math.max(1, Math.ceil(Math.hypot(x1 - x0, y1 - y0) / (2 * reach)));
        for (let at = 0; at <= count; at += 1) {
          const x = x0 + ((x1 - x0) * at) / count, y = y0 + ((y1 - y0) * at) / count;
          boxes.push({ x: x - reach, y: y - reach, wide: 2 * reach, high: 2 * reach });
        }
      }
    }
    return boxes;
  }

  function freeBox(spots, wide, high, view, taken, unit) {
    let best = null, least = Infinity;
    for (const spot of spots.split(";")) {
      const [x, y, right, down, away] = spot.split(",").map(Number);
      const left = x + right * away * high + ((right - 1) * wide) / 2;
      const top = y + down * away * high + ((down - 1) * high) / 2;
      for (const step of [0, 1, -1, 2, -2]) {
        const box = {
          x: Math.max(0, Math.min(left, view.width - wide)),
          y: Math.max(0, Math.min(top + step * (high + 2 * unit), view.height - high)),
        };
        const covered = taken.reduce((sum, other) => sum + shared(box, other, wide, high), 0) + Math.abs(step) * 1e-6;
        if (covered < least) { least = covered; best = { ...box, wide, high }; }
        if (covered === 0) return best;
      }
    }
    return best;
  }

  function shared(a, b, wide, high) {
    const across = Math.min(a.x + wide, b.x + b.wide) - Math.max(a.x, b.x);
    const downward = Math.min(a.y + high, b.y + b.high) - Math.max(a.y, b.y);
    return Math.max(across, 0) * Math.max(downward, 0);
  }

  function pin(target) {
    pinned = same(pinned, target) ? null : target;
    focused = null;
    show();
    say();
  }

  function say() {
    const light = lightOf(pinned);
    const names = (ids) => ids.map((id) => byId("region-" + id).querySelector(".region-name").textContent).join(", ");
    if (!pinned) status.textContent = "Nothing pinned.";
    else if (pinned.kind === "sentence") status.textContent = `Sentence ${pinned.id} points at ${names([...light.regions])}.`;
    else status.textContent = `${names([pinned.id])}: ${light.sentences.size ? "sentence " + [...light.sentences].join(", ") : "no sentence"}.`;
  }

  function connect(element, target, trigger) {
    element.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") { hovered = target; show(); } });
    element.addEventListener("pointerleave", () => { if (same(hovered, target)) { hovered = null; show(); } });
    element.addEventListener("click", (event) => { event.stopPropagation(); if (!dragged) { pin(target); if (trigger) trigger(); } });
  }

  for (const item of sentences) connect(item, { kind: "sentence", id: item.dataset.sentence });
  for (const item of entries) connect(item, { kind: "region", id: item.dataset.region });
  for (const item of all("[data-region]", overlay)) {
    const target = { kind: "region", id: item.dataset.region };
    connect(item, target, () => {
      const [first] = words(byId("region-" + target.id).dataset.sentences);
      if (first && pinned) byId("sentence-" + first).scrollIntoView({ block: "nearest" });
    });
  }

  const buttons = all(".says");
  function travels(list) {
    for (const button of list) {
      button.addEventListener("focus", () => {
        if (!button.matches(":focus-visible")) return;
        const own = button.closest("[data-sentence]") || button;
        focused = own.dataset.sentence ? { kind: "sentence", id: own.dataset.sentence } : { kind: "region", id: own.dataset.region };
        show();
      });
      button.addEventListener("blur", () => { focused = null; show(); });
      button.addEventListener("keydown", (event) => {
        const at = list.indexOf(button), last = list.length - 1;
        const to = { ArrowDown: Math.min(at + 1, last), ArrowRight: Math.min(at + 1, last), ArrowUp: Math.max(at - 1, 0), ArrowLeft: Math.max(at - 1, 0), Home: 0, End: last }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        list[to].focus();
      });
    }
  }
  travels(buttons);
  travels(entries);

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    hovered = focused = pinned = null;
    show();
    say();
  });
  stage.addEventListener("click", () => { if (pinned && !dragged) { pinned = null; show(); say(); } });

  byId("show-outlines").addEventListener("change", (event) => overlay.classList.toggle("bare", !event.target.checked));
  byId("show-labels").addEventListener("change", show);
  byId("show-all").addEventListener("change", (event) => { overlay.classList.toggle("all", event.target.checked); show(); });
  for (const name of ["brightness", "contrast"])
    byId(name).addEventListener("input", (event) => sheet.style.setProperty("--" + name, String(event.target.value / 100)));

  // The middle of what is seen stays in the middle.
  function setZoom(value) {
    const x = (stage.scrollLeft + stage.clientWidth / 2) / sheet.clientWidth;
    const y = (stage.scrollTop + stage.clientHeight / 2) / sheet.clientHeight;
    zoom = Math.max(1, Math.min(value, 6));
    sheet.style.setProperty("--zoom", String(zoom));
    byId("zoom").textContent = Math.round(zoom * 100) + " %";
    stage.scrollLeft = x * sheet.clientWidth - stage.clientWidth / 2;
    stage.scrollTop = y * sheet.clientHeight - stage.clientHeight / 2;
    placeLabels();
  }
  byId("zoom-in").addEventListener("click", () => setZoom(zoom * 1.5));
  byId("zoom-out").addEventListener("click", () => setZoom(zoom / 1.5));
  byId("reset").addEventListener("click", () => {
    for (const name of ["brightness", "contrast"]) { byId(name).value = "100"; sheet.style.removeProperty("--" + name); }
    setZoom(1);
  });

  // A mouse drags an enlarged film; a finger scrolls it by itself.
  let start = null, dragged = false;
  stage.addEventListener("pointerdown", (event) => {
    dragged = false;
    if (event.pointerType === "mouse" && zoom > 1) start = { x: event.clientX + stage.scrollLeft, y: event.clientY + stage.scrollTop };
  });
  window.addEventListener("pointermove", (event) => {
    if (!start) return;
    const left = start.x - event.clientX, top = start.y - event.clientY;
    if (Math.abs(left - stage.scrollLeft) + Math.abs(top - stage.scrollTop) > 3) dragged = true;
    stage.scrollLeft = left;
    stage.scrollTop = top;
  });
  window.addEventListener("pointerup", () => { start = null; setTimeout(() => { dragged = false; }, 0); });

  window.addEventListener("resize", () => placeLabels());
  window.addEventListener("beforeprint", () => {
    const kept = pinned;
    hovered = focused = pinned = null;
    setZoom(1);
    show();
    placeLabels(430, 10);
    pinned = kept;
  });
  window.addEventListener("afterprint", show);
  show();
})();
