// Where labels go: beside what they name, inside the stage, and never on one another. Stage frame.
import type { Box, Line } from "./model";

export interface Spot {
  x: number;
  y: number;
  right: number; // on which side of the point the label lies: -1, 0 (centred) or 1
  down: number;
  away?: number; // from the point, in heights of the label
}

export interface Wanted {
  key: string;
  width: number;
  height: number;
  spots: Spot[]; // the best first
}

/** A place for each label inside of `frame`; those that come first choose first.

taken: what no label should cover. Where no free place is left, the least bad one. */
export function placed(wanted: Wanted[], frame: Box, taken: Box[] = []): Map<string, Box> {
  const used = [...taken];
  const found = new Map<string, Box>();
  for (const label of wanted) {
    const box = best(label, frame, used);
    if (!box) continue;
    used.push(box);
    found.set(label.key, box);
  }
  return found;
}

function best(label: Wanted, frame: Box, used: Box[]): Box | null {
  let [least, chosen]: [number, Box | null] = [Infinity, null];
  for (const spot of label.spots) {
    for (const step of [0, 1, -1, 2, -2]) {
      const box = inside(hung(spot, label, step), frame);
      const covered = used.reduce((sum, other) => sum + shared(box, other), 0) + Math.abs(step) * 1e-6;
      if (covered < least) [least, chosen] = [covered, box];
      if (covered === 0) return box;
    }
  }
  return chosen;
}

/** The label at a spot. step: rows that it is moved down by. */
function hung(spot: Spot, { width, height }: Wanted, step: number): Box {
  const gap = (spot.away ?? 0) * height;
  const x = spot.x + spot.right * gap + ((spot.right - 1) * width) / 2;
  const y = spot.y + spot.down * gap + ((spot.down - 1) * height) / 2 + step * (height + 2);
  return [x, y, x + width, y + height];
}

function inside([x0, y0, x1, y1]: Box, frame: Box): Box {
  const x = Math.max(frame[0], Math.min(x0, frame[2] - (x1 - x0)));
  const y = Math.max(frame[1], Math.min(y0, frame[3] - (y1 - y0)));
  return [x, y, x + x1 - x0, y + y1 - y0];
}

function shared(a: Box, b: Box): number {
  const across = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const down = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  return Math.max(across, 0) * Math.max(down, 0);
}

/** Where the label of a box may go: at its corners and edges; a small box is labelled outside. */
export function boxSpots([x0, y0, x1, y1]: Box, frame: Box): Spot[] {
  const [cx, cy] = [(x0 + x1) / 2, (y0 + y1) / 2];
  const spot = (x: number, y: number, right: number, down: number): Spot => ({ x, y, right, down });
  const within = [spot(x0, y0, 1, 1), spot(x1, y0, -1, 1), spot(x0, y1, 1, -1), spot(x1, y1, -1, -1)];
  within.push(spot(cx, y0, 0, 1), spot(cx, y1, 0, -1));
  const without = [spot(x0, y0, 1, -1), spot(x1, y0, -1, -1), spot(x0, y1, 1, 1), spot(x1, y1, -1, 1)];
  without.push(spot(x0, cy, -1, 0), spot(x1, cy, 1, 0));
  const small = x1 - x0 < 0.1 * (frame[2] - frame[0]) || y1 - y0 < 0.1 * (frame[3] - frame[1]);
  return small ? [...without, ...within] : [...within, ...without];
}

/** On an outline, from its upper outer border on: there a label hides neither a costophrenic angle nor
the lung's inside. middle: the x of the film's middle. */
export function outlineSpots(line: number[], [x0, y0, x1, y1]: Box, middle: number): Spot[] {
  const start = { x: (x0 + x1) / 2 < middle ? x0 : x1, y: y0 + 0.3 * (y1 - y0) };
  const stride = 2 * Math.max(1, Math.floor(line.length / 2 / 24));
  const spots: Spot[] = [];
  for (let i = 0; i < line.length; i += stride) spots.push({ x: line[i], y: line[i + 1], right: 0, down: 0 });
  const far = (spot: Spot): number => Math.hypot(spot.x - start.x, spot.y - start.y);
  return spots.sort((a, b) => far(a) - far(b));
}

/** Beside the middle, the quarters and the ends of a measured line. */
export function lineSpots(line: Line): Spot[] {
  const flat = Math.abs(line.x1 - line.x0) >= Math.abs(line.y1 - line.y0);
  const sides = flat ? [[0, -1], [0, 1]] : [[1, 0], [-1, 0]];
  return [0.45, 1.6, 2.75].flatMap((away) =>
    [0.5, 0.25, 0.75, 0, 1].flatMap((part) =>
      sides.map(([right, down]) => ({
        x: line.x0 + part * (line.x1 - line.x0),
        y: line.y0 + part * (line.y1 - line.y0),
        right,
        down,
        away,
      })),
    ),
  );
}

/** Small boxes along a line that together cover it, `reach` to each side of it. */
export function lineBoxes(line: Line, reach: number): Box[] {
  const count = Math.max(1, Math.ceil(Math.hypot(line.x1 - line.x0, line.y1 - line.y0) / (2 * reach)));
  return Array.from({ length: count + 1 }, (_, at) => {
    const x = line.x0 + ((line.x1 - line.x0) * at) / count;
    const y = line.y0 + ((line.y1 - line.y0) * at) / count;
    return [x - reach, y - reach, x + reach, y + reach];
  });
}
