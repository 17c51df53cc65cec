import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { heatColor } from "../src/film/heat";
import { levelOf, WHOLE } from "../src/film/painter";
import { Pixels, TILE, tilesOf } from "../src/film/pixels";
import { decodeGrey } from "../src/png";
import { placed } from "../src/labels";

function chunk(kind: string, data: Uint8Array): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(data.length);
  return Buffer.concat([size, Buffer.from(kind, "latin1"), data, Buffer.alloc(4)]);
}

/** A grey PNG whose rows are given as they stand in the file: filter, then bytes. */
function png(width: number, height: number, depth: number, rows: number[]): Uint8Array {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head[8] = depth;
  const body = [chunk("IHDR", head), chunk("IDAT", deflateSync(Uint8Array.from(rows))), chunk("IEND", new Uint8Array())];
  return new Uint8Array(Buffer.concat([Buffer.alloc(8), ...body]));
}

describe("a PNG", () => {
  it("of 16 bits keeps all of them", async () => {
    const { pixels } = await decodeGrey(png(2, 1, 16, [0, 0x12, 0x34, 0xff, 0xfe]));
    expect([...pixels]).toEqual([0x1234, 0xfffe]);
  });

  it("of 8 bits is spread over the full range", async () => {
    expect([...(await decodeGrey(png(2, 1, 8, [0, 0, 255]))).pixels]).toEqual([0, 65535]);
  });

  it("comes out of each filter", async () => {
    const rows = [0, 10, 20, 30, 1, 10, 10, 10, 2, 1, 1, 1, 3, 5, 5, 5, 4, 1, 1, 1];
    const { pixels } = await decodeGrey(png(3, 5, 8, rows));
    expect([...pixels].map((grey) => grey / 257)).toEqual([10, 20, 30, 10, 20, 30, 11, 21, 31, 10, 20, 30, 11, 21, 31]);
  });
});

describe("tiles", () => {
  it("cover a film of any size once, none larger than a texture may be", () => {
    for (const [width, height] of [[1, 1], [2047, 3001], [4096, 4096]]) {
      const tiles = tilesOf(width, height);
      const covered = tiles.reduce((sum, { inner: [x0, y0, x1, y1] }) => sum + (x1 - x0) * (y1 - y0), 0);
      expect(covered).toBe(width * height);
      for (const { outer: [x0, y0, x1, y1] } of tiles) expect(Math.max(x1 - x0, y1 - y0)).toBeLessThanOrEqual(TILE);
    }
  });

  it("give back the greys of the film, over a preview", () => {
    const film = new Pixels(3000, 5);
    film.preview(2, 1, Uint16Array.from([7, 9]));
    expect(film.at(2999, 4)).toBe(9);
    film.whole(3000, 5, Uint16Array.from({ length: 15000 }, (_, at) => at));
    expect(film.at(2999, 4)).toBe(14999);
    expect(film.at(2046, 1)).toBe(5046);
    expect(film.at(3000, 0)).toBeNull();
  });
});

describe("heat", () => {
  it("runs from cividis' dark blue to its yellow", () => {
    expect(heatColor(0)).toEqual([0x00, 0x22, 0x4e]);
    expect(heatColor(1)).toEqual([0xfe, 0xe8, 0x38]);
  });
});

describe("labels", () => {
  const label = (key: string) => ({ key, width: 40, height: 20, spots: [{ x: 0, y: 0, right: 1, down: 1 }] });

  it("never lie on one another while there is room", () => {
    const boxes = [...placed([label("a"), label("b"), label("c")], [0, 0, 200, 200]).values()];
    expect(boxes.map(([, y]) => y)).toEqual([0, 22, 44]);
  });

  it("stay inside of the stage", () => {
    const far = { ...label("a"), spots: [{ x: 500, y: -50, right: 1, down: -1 }] };
    expect(placed([far], [0, 0, 200, 200]).get("a")).toEqual([160, 0, 200, 20]);
  });
});

describe("a window", () => {
  it("is straight unless the film has a curve", () => {
    expect([-5, 0, 32767.5, 65535].map((grey) => levelOf(grey, WHOLE))).toEqual([0, 0, 0.5, 1]);
  });

  it("bends between black and white, and goes on level beyond", () => {
    const window = { center: 150, width: 100, curve: [0.2, 0.4, 1], invert: false };
    expect([0, 100, 125, 150, 200, 900].map((grey) => levelOf(grey, window))).toEqual([0.2, 0.2, 0.30000000000000004, 0.4, 1, 1]);
    expect(levelOf(900, { ...window, invert: true })).toBe(0);
  });
});
