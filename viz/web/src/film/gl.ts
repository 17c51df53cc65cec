// The film by WebGL2: raw 16 bits in integer textures. Those cannot be filtered, so each pixel is put
// through the window first and mixed with its neighbours after.
import type { View } from "../geometry";
import type { Painter, Window } from "./painter";
import type { Pixels, Tile } from "./pixels";

const VERTEX = `#version 300 es
in vec2 corner;
uniform vec4 inner; // film frame
uniform vec4 view; // scale x, scale y, shift x, shift y: film to canvas pixels
uniform vec2 canvas;
out vec2 film;
void main() {
  film = mix(inner.xy, inner.zw, corner);
  vec2 at = (film * view.xy + view.zw) / canvas * 2.0 - 1.0;
  gl_Position = vec4(at.x, -at.y, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
uniform usampler2D tile;
uniform vec4 place; // x, y of the tile in the film, film pixels of one of its own
uniform vec2 window; // lowest grey, 1 / width
uniform highp usampler2D bend; // levels between black and white, where they are on no straight line
uniform int points; // of them, 0 for a straight line
uniform float invert;
uniform vec2 foot; // tile pixels of one canvas pixel
in vec2 film;
out vec4 color;
ivec2 last;
float grey(ivec2 at) {
  uint raw = texelFetch(tile, clamp(at, ivec2(0), last), 0).r;
  float part = clamp((float(raw) - window.x) * window.y, 0.0, 1.0);
  if (points == 0) return part;
  float along = part * float(points - 1);
  int low = min(int(along), points - 2);
  float dark = float(texelFetch(bend, ivec2(low, 0), 0).r);
  float light = float(texelFetch(bend, ivec2(low + 1, 0), 0).r);
  return mix(dark, light, along - float(low)) / 65535.0;
}
float mixed(vec2 at) {
  vec2 base = floor(at - 0.5);
  vec2 part = at - 0.5 - base;
  ivec2 i = ivec2(base);
  float up = mix(grey(i), grey(i + ivec2(1, 0)), part.x);
  float down = mix(grey(i + ivec2(0, 1)), grey(i + ivec2(1, 1)), part.x);
  return mix(up, down, part.y);
}
void main() {
  last = textureSize(tile, 0) - 1;
  vec2 at = (film - place.xy) / place.zw;
  ivec2 count = clamp(ivec2(ceil(foot)), ivec2(1), ivec2(6));
  float sum = 0.0;
  if (count.x == 1 && count.y == 1) sum = mixed(at);
  else {
    // A shrunk film shows the mean of what lies under each pixel, so that fine lines do not flicker.
    vec2 start = at - foot * 0.5;
    vec2 stride = foot / vec2(count);
    for (int y = 0; y < count.y; y++)
      for (int x = 0; x < count.x; x++)
        sum += grey(ivec2(floor(start + (vec2(x, y) + 0.5) * stride)));
    sum /= float(count.x * count.y);
  }
  color = vec4(vec3(mix(sum, 1.0 - sum, invert)), 1.0);
}`;

const NAMES = ["inner", "view", "canvas", "tile", "place", "window", "invert", "foot", "bend", "points"] as const;
type Names = Record<(typeof NAMES)[number], WebGLUniformLocation | null>;

export class GlPainter implements Painter {
  readonly kind = "webgl2";
  private textures = new Map<Tile, WebGLTexture>();
  private bent: { curve: number[]; texture: WebGLTexture } | null = null;
  private at!: Names;
  private readonly lost = (event: Event): void => event.preventDefault();
  private readonly back = (): void => {
    this.textures = new Map();
    this.bent = null;
    this.prepare();
    this.restored();
  };

  private constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly restored: () => void,
  ) {
    this.prepare();
    gl.canvas.addEventListener("webglcontextlost", this.lost);
    gl.canvas.addEventListener("webglcontextrestored", this.back);
  }

  static on(canvas: HTMLCanvasElement, restored: () => void): GlPainter | null {
    // what was drawn is kept for printing and for whoever copies the canvas
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, preserveDrawingBuffer: true });
    try {
      return gl && new GlPainter(gl, restored);
    } catch {
      return null;
    }
  }

  draw(pixels: Pixels, view: View, aspect: number, window: Window, density: number): void {
    const gl = this.gl;
    if (gl.isContextLost()) return;
    const [wide, high] = [gl.drawingBufferWidth, gl.drawingBufferHeight];
    gl.viewport(0, 0, wide, high);
    gl.clearColor(0, 0, 0, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const [sx, sy] = [view.scale * density, view.scale * aspect * density];
    gl.uniform4f(this.at.view, sx, sy, view.x * density, view.y * density);
    gl.uniform2f(this.at.canvas, wide, high);
    gl.uniform2f(this.at.window, window.center - window.width / 2, 1 / Math.max(window.width, 1));
    gl.uniform1f(this.at.invert, window.invert ? 1 : 0);
    this.bend(window.curve);
    for (const tile of pixels.tiles) {
      gl.bindTexture(gl.TEXTURE_2D, this.textureOf(tile));
      gl.uniform4f(this.at.inner, ...tile.inner);
      gl.uniform4f(this.at.place, tile.x, tile.y, tile.step, tile.stepY);
      gl.uniform2f(this.at.foot, 1 / (sx * tile.step), 1 / (sy * tile.stepY));
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    }
  }

  dispose(): void {
    this.gl.canvas.removeEventListener("webglcontextlost", this.lost);
    this.gl.canvas.removeEventListener("webglcontextrestored", this.back);
    for (const texture of this.textures.values()) this.gl.deleteTexture(texture);
    this.textures.clear();
    if (this.bent) this.gl.deleteTexture(this.bent.texture);
    this.bent = null;
  }

  private prepare(): void {
    const gl = this.gl;
    const program = gl.createProgram();
    for (const [kind, text] of [
      [gl.VERTEX_SHADER, VERTEX],
      [gl.FRAGMENT_SHADER, FRAGMENT],
    ] as const) {
      const shader = gl.createShader(kind);
      if (!shader) return; // lost again
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost())
      throw new Error(gl.getProgramInfoLog(program) ?? "the film's shader cannot be linked");
    gl.useProgram(program);
    this.at = Object.fromEntries(NAMES.map((name) => [name, gl.getUniformLocation(program, name)])) as Names;
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
    const corner = gl.getAttribLocation(program, "corner");
    gl.enableVertexAttribArray(corner);
    gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
  }

  private upload({ width, height, pixels }: Pick<Tile, "width" | "height" | "pixels">): WebGLTexture {
    const gl = this.gl;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 2); // rows of an odd width do not end at four bytes
    for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST);
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R16UI, width, height, 0, gl.RED_INTEGER, gl.UNSIGNED_SHORT, pixels);
    return texture;
  }

  private textureOf(tile: Tile): WebGLTexture {
    const texture = this.textures.get(tile) ?? this.upload(tile);
    this.textures.set(tile, texture);
    return texture;
  }

  /** Hand the curve of a window to the shader, in a texture of one row. */
  private bend(curve: number[]): void {
    const gl = this.gl;
    gl.uniform1i(this.at.points, curve.length);
    gl.activeTexture(gl.TEXTURE1);
    if (this.bent?.curve !== curve) {
      if (this.bent) gl.deleteTexture(this.bent.texture);
      const row = curve.length ? Uint16Array.from(curve, (level) => Math.round(level * 65535)) : new Uint16Array(1);
      this.bent = { curve, texture: this.upload({ width: row.length, height: 1, pixels: row }) };
    }
    gl.bindTexture(gl.TEXTURE_2D, this.bent!.texture);
    gl.uniform1i(this.at.bend, 1);
    gl.activeTexture(gl.TEXTURE0);
  }
}
