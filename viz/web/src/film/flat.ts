// The film on a plain canvas, where there is no WebGL2: windowed to 8 bits, then scaled by the browser.
import type { View } from "../geometry";
import { levelOf, type Painter, type Window } from "./painter";
import type { Pixels, Tile } from "./pixels";

export class FlatPainter implements Painter {
  readonly kind = "canvas";
  private shown = new Map<Tile, HTMLCanvasElement>();
  private through = "";

  constructor(private readonly canvas: HTMLCanvasElement) {}

  draw(pixels: Pixels, view: View, aspect: number, window: Window, density: number): void {
    const pen = this.canvas.getContext("2d");
    if (!pen) return;
    const key = `${window.center} ${window.width} ${window.invert}`;
    if (key !== this.through) this.shown = new Map();
    this.through = key;
    const table = lookup(window);
    pen.fillStyle = "#000";
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
    const [sx, sy] = [view.scale * density, view.scale * aspect * density];
    pen.setTransform(sx, 0, 0, sy, view.x * density, view.y * density);
    pen.imageSmoothingQuality = "high";
    for (const tile of pixels.tiles) {
      const source = this.shown.get(tile) ?? windowed(tile, table);
      this.shown.set(tile, source);
      const [x0, y0, x1, y1] = tile.inner;
      const [left, top] = [(x0 - tile.x) / tile.step, (y0 - tile.y) / tile.stepY];
      const [wide, high] = [(x1 - x0) / tile.step, (y1 - y0) / tile.stepY];
      pen.drawImage(source, left, top, wide, high, x0, y0, x1 - x0, y1 - y0);
    }
  }

  dispose(): void {
    this.shown.clear();
  }
}

function lookup(window: Window): Uint8ClampedArray {
  return Uint8ClampedArray.from({ length: 65536 }, (_, grey) => 255 * levelOf(grey, window));
}

function windowed(tile: Tile, table: Uint8ClampedArray): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = tile.width;
  canvas.height = tile.height;
  const picture = new ImageData(tile.width, tile.height);
  for (let i = 0, j = 0; i < tile.pixels.length; i++, j += 4) {
    picture.data[j] = picture.data[j + 1] = picture.data[j + 2] = table[tile.pixels[i]];
    picture.data[j + 3] = 255;
  }
  canvas.getContext("2d")?.putImageData(picture, 0, 0);
  return canvas;
}
