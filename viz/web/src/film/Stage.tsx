// The film and what is drawn over it, with the gestures that move it.
import { effect, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { kept, zoomed } from "../geometry";
import { doc, fit, grey, isFitted, pixels, printing, setView, stage, tool, view } from "../store";
import { boxKey } from "../live/keys";
import { Gestures } from "./gestures";
import { Overlay } from "./Overlay";
import { painterFor, type Painter } from "./painter";

export function Stage(): JSX.Element {
  const room = useRef<HTMLDivElement>(null);
  const sheet = useRef<HTMLCanvasElement>(null);

  useEffect(() => {
    if (!room.current) return;
    const watch = new ResizeObserver(([entry]) => resizedTo(entry.contentRect.width, entry.contentRect.height));
    watch.observe(room.current);
    const gestures = new Gestures(room.current);
    return () => {
      watch.disconnect();
      gestures.end();
    };
  }, []);

  useEffect(() => (sheet.current ? painted(sheet.current) : undefined), []);

  // a new film starts as a whole
  useSignalEffect(() => {
    if (doc.value?.film) queueMicrotask(() => isFitted.peek() && fit());
  });

  const film = doc.value?.film;
  return (
    <div
      class={`stage tool-${tool.value} ${isFitted.value ? "whole" : ""}`}
      ref={room}
      tabIndex={0}
      role="group"
      aria-label="The film. Arrow keys move it, plus and minus zoom, 0 fits it; a question mark lists all keys."
      onKeyDown={moved}
    >
      <canvas ref={sheet} role="img" aria-label={film ? `${doc.value?.title}; the patient's right is on the left` : "No film"} />
      <Overlay />
    </div>
  );
}

let paintSoon: (() => void) | null = null;

/** Draw at once, where the next frame would be too late: for paper. */
export function paintNow(): void {
  paintSoon?.();
}

function resizedTo(width: number, height: number): void {
  if (printing.peek()) return;
  stage.value = { width, height };
  if (isFitted.peek()) fit();
  else if (doc.peek()) view.value = kept(view.peek(), doc.peek()!.film, stage.value);
}

/** Draw the film whenever something that shows has changed, at most once a frame. */
function painted(canvas: HTMLCanvasElement): () => void {
  let painter: Painter | null = null;
  let waiting = 0;
  let deaf: () => void = () => undefined;
  const paint = (): void => {
    waiting = 0;
    const [film, own, size] = [doc.peek()?.film, pixels.peek(), stage.peek()];
    const density = printing.peek() ? 3 : window.devicePixelRatio || 1;
    const [wide, high] = [Math.round(size.width * density), Math.round(size.height * density)];
    if (canvas.width !== wide) canvas.width = wide;
    if (canvas.height !== high) canvas.height = high;
    if (!film || !own || !wide || !high) return;
    painter ??= painterFor(canvas, soon);
    painter.draw(own, view.peek(), film.aspect, grey.peek(), density);
    canvas.dataset.drawn = `${painter.kind} ${own.tiles.length}`;
    if (own.tiles.length && !performance.getEntriesByName("first-pixel").length) performance.mark("first-pixel");
  };
  const soon = (): void => {
    waiting ||= requestAnimationFrame(paint);
  };
  paintSoon = paint;
  const ended = effect(() => {
    deaf();
    deaf = pixels.value?.listen(soon) ?? deaf;
    void [doc.value, stage.value, view.value, grey.value];
    soon();
  });
  return () => {
    ended();
    deaf();
    cancelAnimationFrame(waiting);
    painter?.dispose();
  };
}

function moved(event: KeyboardEvent): void {
  if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
  if (boxKey(event)) {
    event.preventDefault();
    return;
  }
  const step = event.shiftKey ? 200 : 50;
  const by: Record<string, [number, number]> = {
    ArrowLeft: [step, 0],
    ArrowRight: [-step, 0],
    ArrowUp: [0, step],
    ArrowDown: [0, -step],
  };
  const shift = by[event.key];
  const film = doc.value?.film;
  if (!shift || !film) return;
  event.preventDefault();
  const { scale, x, y } = view.value;
  setView(kept({ scale, x: x + shift[0], y: y + shift[1] }, film, stage.value));
}

/** Zoom around the middle of the stage, by keys and buttons. */
export function zoomBy(times: number): void {
  const film = doc.value?.film;
  const { width, height } = stage.value;
  if (film) setView(zoomed(view.value, { x: width / 2, y: height / 2 }, times, film, stage.value));
}
