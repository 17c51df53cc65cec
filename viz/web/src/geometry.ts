// Frames: "film" is pixels of the film, (0, 0) the outer corner of the first; "stage" is CSS pixels of
// the area that the film is shown in. A pixel of the film may be higher than wide (aspect).
import type { Box, FilmInfo, Region } from "./model";

export interface Point {
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

/** How the film lies on the stage: stage = film * scale + shift, y first stretched by the aspect. */
export interface View {
  scale: number;
  x: number;
  y: number;
}

const DEEPEST = 16; // stage pixels of one film pixel

export function toStage(view: View, aspect: number, at: Point): Point {
  return { x: at.x * view.scale + view.x, y: at.y * aspect * view.scale + view.y };
}

export function toFilm(view: View, aspect: number, at: Point): Point {
  return { x: (at.x - view.x) / view.scale, y: (at.y - view.y) / (aspect * view.scale) };
}

/** The whole film in the middle of the stage. */
export function fitted(film: FilmInfo, stage: Size): View {
  const high = film.height * film.aspect;
  const scale = Math.min(stage.width / film.width, stage.height / high);
  return {
    scale,
    x: (stage.width - film.width * scale) / 2,
    y: (stage.height - high * scale) / 2,
  };
}

/** Enlarged around a point of the stage, which keeps its place; never smaller than a half of fitted. */
export function zoomed(view: View, at: Point, times: number, film: FilmInfo, stage: Size): View {
  const smallest = fitted(film, stage).scale / 2;
  const scale = Math.max(smallest, Math.min(view.scale * times, Math.max(DEEPEST, smallest)));
  const real = scale / view.scale;
  const next = { scale, x: at.x - (at.x - view.x) * real, y: at.y - (at.y - view.y) * real };
  return kept(next, film, stage);
}

/** A film that is moved away keeps a part in sight. */
export function kept(view: View, film: FilmInfo, stage: Size): View {
  const wide = film.width * view.scale;
  const high = film.height * film.aspect * view.scale;
  const margin = 0.25;
  const limit = (at: number, size: number, room: number): number =>
    size <= room && at >= 0 && at + size <= room
      ? at
      : Math.max(Math.min(room * margin, room / 2) - size, Math.min(at, room * (1 - margin)));
  return { scale: view.scale, x: limit(view.x, wide, stage.width), y: limit(view.y, high, stage.height) };
}

/** The view in which a box fills most of the stage. */
export function around(box: Box, film: FilmInfo, stage: Size): View {
  const [x0, y0, x1, y1] = box;
  const wide = Math.max(x1 - x0, 1);
  const high = Math.max((y1 - y0) * film.aspect, 1);
  const scale = Math.min((0.8 * stage.width) / wide, (0.8 * stage.height) / high, DEEPEST);
  return {
    scale,
    x: stage.width / 2 - ((x0 + x1) / 2) * scale,
    y: stage.height / 2 - ((y0 + y1) / 2) * film.aspect * scale,
  };
}

export function area([x0, y0, x1, y1]: Box): number {
  return (x1 - x0) * (y1 - y0);
}

export function inBox([x0, y0, x1, y1]: Box, at: Point): boolean {
  return at.x >= x0 && at.x <= x1 && at.y >= y0 && at.y <= y1;
}

/** Whether a point lies inside closed lines (even-odd). line: x, y, x, y ... */
export function inOutline(lines: number[][], at: Point): boolean {
  let inside = false;
  for (const line of lines) {
    for (let i = 0, j = line.length - 2; i < line.length; j = i, i += 2) {
      const [xi, yi, xj, yj] = [line[i], line[i + 1], line[j], line[j + 1]];
      if (yi > at.y !== yj > at.y && at.x < ((xj - xi) * (at.y - yi)) / (yj - yi) + xi) inside = !inside;
    }
  }
  return inside;
}

export function holds(region: Region, at: Point): boolean {
  return region.outline.length ? inOutline(region.outline, at) : inBox(region.box, at);
}

/** The regions at a point of the film, the smallest first. */
export function regionsAt(regions: Region[], at: Point): Region[] {
  return regions.filter((region) => holds(region, at)).sort((a, b) => area(a.box) - area(b.box));
}

/** A box between two corners, inside of the film; null where it is too thin to be meant. */
export function boxBetween(a: Point, b: Point, film: FilmInfo): Box | null {
  const cut = (value: number, most: number): number => Math.max(0, Math.min(value, most));
  const xs = [cut(a.x, film.width), cut(b.x, film.width)].sort((p, q) => p - q);
  const ys = [cut(a.y, film.height), cut(b.y, film.height)].sort((p, q) => p - q);
  const least = Math.max(2, film.width * 0.004);
  return xs[1] - xs[0] < least || ys[1] - ys[0] < least ? null : [xs[0], ys[0], xs[1], ys[1]];
}

/** The handles of a box that a drag can take hold of: compass points, or "move" for its inside. */
export type Handle = "nw" | "n" | "ne" | "e" | "se" | "s" | "sw" | "w" | "move";

export function resized(box: Box, handle: Handle, by: Point, film: FilmInfo): Box {
  let [x0, y0, x1, y1] = box;
  if (handle === "move") {
    const dx = Math.max(-x0, Math.min(by.x, film.width - x1));
    const dy = Math.max(-y0, Math.min(by.y, film.height - y1));
    return [x0 + dx, y0 + dy, x1 + dx, y1 + dy];
  }
  if (handle.includes("w")) x0 += by.x;
  if (handle.includes("e")) x1 += by.x;
  if (handle.includes("n")) y0 += by.y;
  if (handle.includes("s")) y1 += by.y;
  return boxBetween({ x: x0, y: y0 }, { x: x1, y: y1 }, film) ?? box;
}

/** A length on the film in words: mm where the spacing is known, else pixels. */
export function lengthOf(film: FilmInfo, a: Point, b: Point): string {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  if (!film.spacing_mm) return `${Math.round(Math.hypot(dx, dy * film.aspect))} px`;
  const [row, column] = film.spacing_mm;
  const mm = Math.hypot(dx * column, dy * row);
  return `${mm < 10 ? mm.toFixed(1) : Math.round(mm)} mm${film.spacing_kind === "detector" ? " at the detector" : ""}`;
}

/** The smallest box around numbers x, y, x, y ... */
export function bounds(line: number[]): Box {
  const box: Box = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < line.length; i += 2) {
    box[0] = Math.min(box[0], line[i]);
    box[1] = Math.min(box[1], line[i + 1]);
    box[2] = Math.max(box[2], line[i]);
    box[3] = Math.max(box[3], line[i + 1]);
  }
  return box;
}

export function united(boxes: Box[]): Box {
  return bounds(boxes.flatMap((box) => [...box]));
}
