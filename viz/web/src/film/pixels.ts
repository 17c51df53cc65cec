// The film's pixels as they arrive: a preview of the whole, then tiles in full. They are kept, so that
// a lost context or a second picture (printing) can be drawn from them again.

export interface Tile {
  x: number; // where its first pixel lies, film frame
  y: number;
  width: number; // pixels of its own
  height: number;
  step: number; // film pixels of one of its own: 1, or more for a preview
  stepY: number;
  inner: [x0: number, y0: number, x1: number, y1: number]; // the part that it shows, film frame
  pixels: Uint16Array;
}

export const TILE = 2048; // textures end at 4096 on some devices

export class Pixels {
  readonly tiles: Tile[] = [];
  private readonly heard = new Set<() => void>();

  constructor(
    readonly width: number,
    readonly height: number,
  ) {}

  /** Called after each tile; returns what ends it. */
  listen(heard: () => void): () => void {
    this.heard.add(heard);
    return () => this.heard.delete(heard);
  }

  /** The whole film, coarser: it is shown where no tile has come yet. */
  preview(width: number, height: number, pixels: Uint16Array): void {
    const [step, stepY] = [this.width / width, this.height / height];
    const inner: Tile["inner"] = [0, 0, this.width, this.height];
    this.add({ x: 0, y: 0, width, height, step, stepY, inner, pixels });
  }

  /** Pixels of the film itself, from (x, y) on; inner: what of them is shown, the rest is margin. */
  tile(x: number, y: number, width: number, height: number, inner: Tile["inner"], pixels: Uint16Array): void {
    this.add({ x, y, width, height, step: 1, stepY: 1, inner, pixels });
  }

  /** A whole film at once, cut into tiles that overlap by a pixel. */
  whole(width: number, height: number, pixels: Uint16Array): void {
    if (width !== this.width || height !== this.height) {
      this.preview(width, height, pixels); // a page holds large films smaller
      return;
    }
    for (const { inner, outer } of tilesOf(width, height)) {
      const [x0, y0, x1, y1] = outer;
      const part = new Uint16Array((x1 - x0) * (y1 - y0));
      for (let y = y0; y < y1; y++)
        part.set(pixels.subarray(y * width + x0, y * width + x1), (y - y0) * (x1 - x0));
      this.tile(x0, y0, x1 - x0, y1 - y0, inner, part);
    }
  }

  /** The grey value under a point of the film, 0..65535, from the finest tile there. */
  at(x: number, y: number): number | null {
    for (let i = this.tiles.length - 1; i >= 0; i--) {
      const tile = this.tiles[i];
      const [x0, y0, x1, y1] = tile.inner;
      if (x < x0 || y < y0 || x >= x1 || y >= y1) continue;
      const [column, row] = [Math.floor((x - tile.x) / tile.step), Math.floor((y - tile.y) / tile.stepY)];
      return tile.pixels[row * tile.width + column];
    }
    return null;
  }

  private add(tile: Tile): void {
    this.tiles.push(tile);
    for (const heard of this.heard) heard();
  }
}

/** How a film is cut: `inner` parts that cover it once, each with a margin of a pixel in `outer`. */
export function tilesOf(width: number, height: number): { inner: Tile["inner"]; outer: Tile["inner"] }[] {
  const side = TILE - 2;
  const found = [];
  for (let y = 0; y < height; y += side) {
    for (let x = 0; x < width; x += side) {
      const inner: Tile["inner"] = [x, y, Math.min(x + side, width), Math.min(y + side, height)];
      const outer: Tile["inner"] = [
        Math.max(x - 1, 0),
        Math.max(y - 1, 0),
        Math.min(inner[2] + 1, width),
        Math.min(inner[3] + 1, height),
      ];
      found.push({ inner, outer });
    }
  }
  return found;
}
