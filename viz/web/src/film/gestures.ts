// Pointer, wheel and touch on the film: pan, zoom, window, boxes, rulers, and what is pointed at.
import { answersBoxes, askAt, askBox } from "../answers";
import { boxBetween, kept, resized, toFilm, zoomed, type Handle, type Point, type View } from "../geometry";
import type { Box } from "../model";
import { answer, doc, drawn, fit, grey, hovered, isFitted, outlines, regionsUnder, rulers, setView, stage, telling, tool, view } from "../store";
import type { Window } from "./painter";

const STILL = 4; // stage pixels that a click may move by

interface Drag {
  kind: "pan" | "window" | "box" | "ruler" | "handle";
  from: Point; // stage
  view: View;
  grey: Window;
  box: Box | null;
  handle: Handle;
  moved: boolean;
}

export class Gestures {
  private readonly touches = new Map<number, Point>();
  private drag: Drag | null = null;
  private spread: { distance: number; middle: Point } | null = null;
  private readonly off = new AbortController();

  constructor(private readonly room: HTMLElement) {
    const { signal } = this.off;
    room.addEventListener("pointerdown", (event) => this.down(event), { signal });
    room.addEventListener("pointermove", (event) => this.move(event), { signal });
    room.addEventListener("pointerup", (event) => this.up(event), { signal });
    room.addEventListener("pointercancel", (event) => this.cancel(event), { signal });
    room.addEventListener("pointerleave", () => (hovered.value = null), { signal });
    room.addEventListener("wheel", (event) => this.wheel(event), { signal, passive: false });
    room.addEventListener("dblclick", (event) => this.twice(event), { signal });
    room.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
  }

  end(): void {
    this.off.abort();
  }

  private at(event: MouseEvent): Point {
    const box = this.room.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  private onFilm(at: Point): Point {
    return toFilm(view.value, doc.value?.film.aspect ?? 1, at);
  }

  private down(event: PointerEvent): void {
    if (!doc.value || event.button === 1) return;
    hovered.value = null;
    this.touches.set(event.pointerId, this.at(event));
    if (this.touches.size === 2) {
      this.drag = null;
      this.spread = spreadOf([...this.touches.values()]);
      return;
    }
    const handle = (event.target as Element).getAttribute("data-handle") as Handle | null;
    const kinds = { point: "pan", window: "window", box: "box", ruler: "ruler" } as const;
    const kind = handle ? "handle" : event.button === 2 ? "window" : kinds[tool.value];
    this.drag = {
      kind: kind === "box" && !answersBoxes() ? "pan" : kind,
      from: this.at(event),
      view: view.value,
      grey: grey.value,
      box: drawn.value,
      handle: handle ?? "move",
      moved: false,
    };
    if (event.pointerType === "mouse") this.room.setPointerCapture(event.pointerId);
  }

  private move(event: PointerEvent): void {
    const at = this.at(event);
    if (this.touches.has(event.pointerId)) this.touches.set(event.pointerId, at);
    if (this.spread && this.touches.size === 2) this.pinch();
    else if (this.drag) this.dragged(at);
    else if (event.pointerType === "mouse") this.hover(at);
  }

  private dragged(at: Point): void {
    const drag = this.drag as Drag;
    const by = { x: at.x - drag.from.x, y: at.y - drag.from.y };
    drag.moved ||= Math.hypot(by.x, by.y) > STILL;
    const film = doc.value?.film;
    if (!drag.moved || !film) return;
    if (drag.kind === "pan") setView(kept({ ...drag.view, x: drag.view.x + by.x, y: drag.view.y + by.y }, film, stage.value));
    else if (drag.kind === "window") grey.value = windowed(drag.grey, by);
    else if (drag.kind === "box") drawn.value = boxBetween(this.onFilm(drag.from), this.onFilm(at), film);
    else if (drag.kind === "ruler") rulers.value = [...rulers.value.filter((line) => line.label), this.line(drag.from, at)];
    else if (drag.box) {
      const shift = { x: by.x / view.value.scale, y: by.y / (view.value.scale * film.aspect) };
      drawn.value = resized(drag.box, drag.handle, shift, film);
    }
  }

  /** A ruler that is being drawn has no label; it is kept when it gets one. */
  private line(from: Point, to: Point): { x0: number; y0: number; x1: number; y1: number; label: string } {
    const [a, b] = [this.onFilm(from), this.onFilm(to)];
    return { x0: a.x, y0: a.y, x1: b.x, y1: b.y, label: "" };
  }

  private up(event: PointerEvent): void {
    const drag = this.drag;
    const isLast = this.touches.delete(event.pointerId) && this.touches.size === 0;
    if (this.touches.size < 2) this.spread = null;
    this.drag = null;
    if (!drag || !isLast) return;
    if (!drag.moved) this.clicked(event);
    else if (drag.kind === "ruler") rulers.value = rulers.value.map((line) => ({ ...line, label: line.label || "ruler" }));
    else if ((drag.kind === "box" || drag.kind === "handle") && drawn.value) askBox(drawn.value);
  }

  private cancel(event: PointerEvent): void {
    this.touches.delete(event.pointerId);
    this.drag = this.spread = null;
  }

  private clicked(event: PointerEvent): void {
    if (event.button === 2 || (event.target as Element).closest("[data-handle]")) return;
    this.room.focus({ preventScroll: true });
    const at = this.onFilm(this.at(event));
    const film = doc.value?.film;
    if (film && at.x >= 0 && at.y >= 0 && at.x <= film.width && at.y <= film.height) askAt(at);
  }

  private hover(at: Point): void {
    const shown = regionsUnder(this.onFilm(at)).find(
      ({ name }) => outlines.value === "all" || (outlines.value === "findings" && telling.value.has(name)),
    );
    const next = shown && !answer.value && tool.value === "point" ? ({ kind: "region", name: shown.name } as const) : null;
    if (JSON.stringify(hovered.value) !== JSON.stringify(next)) hovered.value = next;
  }

  private wheel(event: WheelEvent): void {
    const film = doc.value?.film;
    if (!film) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 30 : 1;
    const times = Math.exp(-Math.max(-60, Math.min(event.deltaY * lines, 60)) * (event.ctrlKey ? 0.01 : 0.003));
    setView(zoomed(view.value, this.at(event), times, film, stage.value));
  }

  private pinch(): void {
    const [before, now] = [this.spread, spreadOf([...this.touches.values()])];
    const film = doc.value?.film;
    if (!before || !film) return;
    const panned = { ...view.value, x: view.value.x + now.middle.x - before.middle.x, y: view.value.y + now.middle.y - before.middle.y };
    setView(zoomed(panned, now.middle, now.distance / before.distance, film, stage.value));
    this.spread = now;
  }

  private twice(event: MouseEvent): void {
    const film = doc.value?.film;
    if (!film) return;
    if (!isFitted.value) fit();
    else setView(zoomed(view.value, this.at(event), Math.max(2, 1 / view.value.scale), film, stage.value));
  }
}

/** To the right a wider window, down a darker picture: as reading stations have it. */
function windowed(from: Window, by: Point): Window {
  const width = Math.max(64, Math.min(from.width * Math.exp(by.x * 0.006), 262140));
  const center = Math.max(0, Math.min(from.center + by.y * Math.max(from.width, 2000) * 0.002, 65535));
  return { ...from, width, center };
}

function spreadOf([a, b]: Point[]): { distance: number; middle: Point } {
  return {
    distance: Math.max(Math.hypot(a.x - b.x, a.y - b.y), 1),
    middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 },
  };
}
