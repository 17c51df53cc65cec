import { describe, expect, it } from "vitest";
import { boxBetween, fitted, inOutline, lengthOf, regionsAt, resized, toFilm, toStage, zoomed } from "../src/geometry";
import type { FilmInfo, Region } from "../src/model";

const film = { width: 1000, height: 800, aspect: 1, spacing_mm: null, spacing_kind: "unknown" } as FilmInfo;
const stage = { width: 500, height: 500 };

describe("the view", () => {
  it("shows the whole film in the middle", () => {
    expect(fitted(film, stage)).toEqual({ scale: 0.5, x: 0, y: 50 });
  });

  it("is found again from the stage", () => {
    const view = { scale: 0.37, x: 11, y: -7 };
    const back = toFilm(view, 1.4, toStage(view, 1.4, { x: 123, y: 456 }));
    expect(back.x).toBeCloseTo(123);
    expect(back.y).toBeCloseTo(456);
  });

  it("keeps the point under the pointer when it is enlarged", () => {
    const before = fitted(film, stage);
    const at = { x: 200, y: 220 };
    const after = zoomed(before, at, 3, film, stage);
    expect(after.scale).toBeCloseTo(1.5);
    expect(toFilm(after, 1, at).x).toBeCloseTo(toFilm(before, 1, at).x);
    expect(toFilm(after, 1, at).y).toBeCloseTo(toFilm(before, 1, at).y);
  });
});

describe("regions", () => {
  const region = (name: string, box: Region["box"], outline: number[][] = []): Region => ({ name, box, outline }) as Region;

  it("at a point come the smallest first", () => {
    const all = [region("lung", [0, 0, 100, 100]), region("zone", [0, 0, 50, 50]), region("far", [90, 90, 99, 99])];
    expect(regionsAt(all, { x: 10, y: 10 }).map((item) => item.name)).toEqual(["zone", "lung"]);
  });

  it("with an outline hold what lies inside of it, not inside of its box", () => {
    const triangle = [0, 0, 100, 0, 0, 100];
    expect(inOutline([triangle], { x: 10, y: 10 })).toBe(true);
    expect(inOutline([triangle], { x: 90, y: 90 })).toBe(false);
  });
});

describe("a box of one's own", () => {
  it("is the same from whichever corner it is drawn", () => {
    expect(boxBetween({ x: 90, y: 80 }, { x: 10, y: 20 }, film)).toEqual([10, 20, 90, 80]);
  });

  it("stays inside of the film", () => {
    expect(boxBetween({ x: -50, y: -50 }, { x: 5000, y: 300 }, film)).toEqual([0, 0, 1000, 300]);
    expect(resized([900, 700, 990, 790], "move", { x: 500, y: 500 }, film)).toEqual([910, 710, 1000, 800]);
  });

  it("is none where it is too thin to be meant", () => {
    expect(boxBetween({ x: 10, y: 10 }, { x: 11, y: 300 }, film)).toBeNull();
  });
});

describe("a length", () => {
  const a = { x: 0, y: 0 };
  const b = { x: 30, y: 40 };

  it("is in pixels without a spacing", () => expect(lengthOf(film, a, b)).toBe("50 px"));
  it("is in millimetres with one, each axis by its own", () => {
    expect(lengthOf({ ...film, spacing_mm: [2, 1], spacing_kind: "patient" }, a, b)).toBe("85 mm");
  });
  it("says when it holds at the detector only", () => {
    expect(lengthOf({ ...film, spacing_mm: [1, 1], spacing_kind: "detector" }, a, b)).toBe("50 mm at the detector");
  });
});
