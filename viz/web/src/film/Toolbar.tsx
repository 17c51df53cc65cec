// How the film is shown and what the pointer does on it.
import type { JSX } from "preact";
import { answersBoxes } from "../answers";
import { doc, fit, grey, heats, isFitted, opacity, outlines, resetView, setView, showLabels, stage, tool, view, type Tool } from "../store";
import { RAMP } from "./heat";
import { zoomBy } from "./Stage";

const TOOLS: { tool: Tool; key: string; name: string; says: string; icon: string }[] = [
  { tool: "point", key: "V", name: "Point", says: "Click a region to ask about it; drag to move the film", icon: "M5 3l13 8-6 1.5L9 19z" },
  { tool: "window", key: "W", name: "Window", says: "Drag: across for contrast, up and down for brightness (right button: always)", icon: "M12 3a9 9 0 100 18zM12 3a9 9 0 010 18" },
  { tool: "box", key: "B", name: "Box", says: "Draw a box and ask about it", icon: "M4 6h16v12H4z" },
  { tool: "ruler", key: "M", name: "Measure", says: "Draw a ruler", icon: "M3 15L15 3l6 6L9 21zM7 11l2 2M10 8l3 3M13 5l2 2" },
];

export function Toolbar(): JSX.Element {
  return (
    <div class="tools" role="toolbar" aria-label="How the film is shown">
      <span class="group" role="radiogroup" aria-label="What the pointer does">
        {TOOLS.filter((item) => item.tool !== "box" || answersBoxes()).map((item) => (
          <button
            type="button"
            role="radio"
            aria-checked={tool.value === item.tool}
            class="tool"
            title={`${item.says} (${item.key})`}
            onClick={() => (tool.value = item.tool)}
          >
            <Icon path={item.icon} />
            <span>{item.name}</span>
          </button>
        ))}
      </span>
      <span class="group">
        <button type="button" class="icon" aria-label="Zoom out" title="Zoom out (−)" onClick={() => zoomBy(1 / 1.4)}>
          −
        </button>
        <output class="zoom" aria-label="Zoom">
          {isFitted.value ? "fit" : `${Math.round(view.value.scale * 100)} %`}
        </output>
        <button type="button" class="icon" aria-label="Zoom in" title="Zoom in (+)" onClick={() => zoomBy(1.4)}>
          +
        </button>
        <button type="button" aria-pressed={isFitted.value} title="The whole film (0)" onClick={fit}>
          Fit
        </button>
        <button type="button" class="roomy" title="A pixel of the film on a pixel of the screen (1)" onClick={fullSize}>
          1:1
        </button>
        <button type="button" aria-pressed={grey.value.invert} title="Black for white (I)" onClick={invert}>
          Invert
        </button>
        <button type="button" title="Window, zoom and rulers as at the start (R)" onClick={resetView}>
          Reset
        </button>
      </span>
      <span class="group">
        <label>
          <span>Marks</span>
          <select value={outlines.value} title="Which regions are drawn (O)" onChange={(event) => (outlines.value = event.currentTarget.value as "all")}>
            <option value="findings">findings</option>
            <option value="all">all</option>
            <option value="none">none</option>
          </select>
        </label>
        <label>
          <span>Heat</span>
          <select value={heats.value} title="Which heatmaps are drawn (H)" onChange={(event) => (heats.value = event.currentTarget.value as "all")}>
            <option value="pointed">pointed at</option>
            <option value="all">all</option>
            <option value="none">none</option>
          </select>
        </label>
        <label class="roomy">
          <input type="checkbox" checked={showLabels.value} onChange={(event) => (showLabels.value = event.currentTarget.checked)} />
          <span>Labels</span>
        </label>
      </span>
    </div>
  );
}

export function Icon({ path }: { path: string }): JSX.Element {
  return (
    <svg viewBox="0 0 24 24" width="16" height="16" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linejoin="round" stroke-linecap="round">
      <path d={path} />
    </svg>
  );
}

export function invert(): void {
  grey.value = { ...grey.value, invert: !grey.value.invert };
}

export function fullSize(): void {
  const film = doc.value?.film;
  if (!film) return;
  const scale = 1 / (window.devicePixelRatio || 1);
  const { width, height } = stage.value;
  setView({ scale, x: (width - film.width * scale) / 2, y: (height - film.height * film.aspect * scale) / 2 });
}

/** One heat scale for the whole report, with its unit and how strongly it is drawn. */
export function HeatScale(): JSX.Element | null {
  const report = doc.value;
  const units = new Set(
    [report, ...Object.values(report?.answers ?? {})].flatMap((said) =>
      (said?.sentences ?? []).flatMap((item) => item.evidence.flatMap((piece) => (piece.kind === "heat" ? [piece.unit] : []))),
    ),
  );
  if (!report?.heat && !units.size) return null;
  return (
    <p class="heatbar">
      <span>Heat</span> 0 <span class="ramp" style={{ background: RAMP }} /> {report?.heat?.words ?? "strong"}{" "}
      <span class="faint">{[...units].filter(Boolean).join(", ")}, one scale for the report</span>
      <label class="opacity">
        <span>Opacity</span>
        <input
          type="range"
          min="10"
          max="100"
          step="5"
          value={opacity.value * 100}
          title="How strongly heat is drawn ([ and ])"
          onInput={(event) => (opacity.value = Number(event.currentTarget.value) / 100)}
        />
      </label>
    </p>
  );
}
