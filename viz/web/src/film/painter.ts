// What draws a film on a canvas, by WebGL2 where there is one.
import type { View } from "../geometry";
import { FlatPainter } from "./flat";
import { GlPainter } from "./gl";
import type { Pixels } from "./pixels";

/** Grey values from `center - width / 2` (black) to `center + width / 2` (white), of 0..65535. */
export interface Window {
  center: number;
  width: number;
  invert: boolean;
}

export const WHOLE: Window = { center: 32767.5, width: 65535, invert: false };

export interface Painter {
  readonly kind: "webgl2" | "canvas";
  draw(pixels: Pixels, view: View, aspect: number, window: Window, density: number): void;
  dispose(): void;
}

/** A painter for a canvas. restored: called when a lost context is back and has to be drawn anew. */
export function painterFor(canvas: HTMLCanvasElement, restored: () => void): Painter {
  return GlPainter.on(canvas, restored) ?? new FlatPainter(canvas);
}
