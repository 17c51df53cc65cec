// A heatmap as a picture: cividis, transparent where nothing is, on the one scale of the report.
import { fromBase64 } from "../png";
import type { Heat } from "../model";

const ANCHORS = (
  "00224e 002e6a 1a386f 32436d 434e6c 535a6d 61656f 6f7073 7d7c78 8c8878 9b9476 aba072 bcae6c cdbb63 " +
  "dec958 f0d846 fee838"
) // as viz/palette.py has them; a test compares the two
  .split(" ")
  .map((word) => [0, 2, 4].map((at) => parseInt(word.slice(at, at + 2), 16)));

const OPAQUE = 0.75; // of the hottest place
const FINE = 8; // pixels of the picture for a cell

export const RAMP = `linear-gradient(90deg, ${ANCHORS.map((rgb) => `rgb(${rgb.join(" ")})`).join(", ")})`;

/** The colour of a level 0..1. */
export function heatColor(level: number): [number, number, number] {
  const at = Math.max(0, Math.min(level, 1)) * (ANCHORS.length - 1);
  const low = Math.min(Math.floor(at), ANCHORS.length - 2);
  return [0, 1, 2].map((i) => Math.round(ANCHORS[low][i] + (ANCHORS[low + 1][i] - ANCHORS[low][i]) * (at - low))) as [
    number,
    number,
    number,
  ];
}

/** The picture as a data URI, "" for a heat without any. top: of the report's scale. */
export function heatPicture(heat: Heat, top: number): string {
  if (!(top > 0) || !(heat.most > 0)) return "";
  const cells = fromBase64(heat.values);
  const [wide, high] = [heat.columns * FINE, heat.rows * FINE];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [wide, high];
  const pen = canvas.getContext("2d");
  if (!pen) return "";
  const picture = pen.createImageData(wide, high);
  for (let y = 0, to = 0; y < high; y++) {
    for (let x = 0; x < wide; x++, to += 4) {
      const value = between(cells, heat.columns, heat.rows, (x + 0.5) / FINE - 0.5, (y + 0.5) / FINE - 0.5);
      const level = Math.min(((value / 255) * heat.most) / top, 1);
      const [red, green, blue] = heatColor(level);
      picture.data.set([red, green, blue, Math.round(level * OPAQUE * 255)], to);
    }
  }
  pen.putImageData(picture, 0, 0);
  return canvas.toDataURL();
}

/** Bilinear between the centres of cells. */
function between(cells: Uint8Array, columns: number, rows: number, x: number, y: number): number {
  const [fx, fy] = [Math.max(0, Math.min(x, columns - 1)), Math.max(0, Math.min(y, rows - 1))];
  const [i, j] = [Math.min(Math.floor(fx), columns - 2 < 0 ? 0 : columns - 2), Math.min(Math.floor(fy), rows - 2 < 0 ? 0 : rows - 2)];
  const [px, py] = [fx - i, fy - j];
  const cell = (row: number, column: number): number =>
    cells[Math.min(row, rows - 1) * columns + Math.min(column, columns - 1)];
  const up = cell(j, i) * (1 - px) + cell(j, i + 1) * px;
  const down = cell(j + 1, i) * (1 - px) + cell(j + 1, i + 1) * px;
  return up * (1 - py) + down * py;
}
