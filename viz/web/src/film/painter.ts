// What draws a film on a canvas, by WebGL2 where there is one.
import type { View } from "../geometry";
import { FlatPainter } from "./flat";
import { GlPainter } from "./gl";
import type { Pixels } from "./pixels";

/** Grey values from `center - width / 2` (black) to `center + width / 2` (white), of 0..65535.

curve: the levels 0..1 in between, at equal distances, for a film that asks for no straight line. */
export interface Window {
  center: number;
  width: number;
  curve: number[];
  invert: boolean;
}

export const WHOLE: Window = { center: 32767.5, width: 65535, curve: [], invert: false };

/** How light a grey is shown, 0..1. */
export function levelOf(grey: number, { center, width, curve, invert }: Window): number {
  const part = Math.max(0, Math.min((grey - center + width / 2) / Math.max(width, 1), 1));
  const level = curve.length ? along(curve, part * (curve.length - 1)) : part;
  return invert ? 1 - level : level;
}

function along(curve: number[], at: number): number {
  const low = Math.min(Math.floor(at), curve.length - 2);
  return curve[low] + (curve[low + 1] - curve[low]) * (at - low);
}

export interface Painter {
  readonly kind: "webgl2" | "canvas";
  draw(pixels: Pixels, view: View, aspect: number, window: Window, density: number): void;
  dispose(): void;
}

/** A painter for a canvas. restored: called when a lost context is back and has to be drawn anew. */
export function painterFor(canvas: HTMLCanvasElement, restored: () => void): Painter {
  return GlPainter.on(canvas, restored) ?? new FlatPainter(canvas);
}
