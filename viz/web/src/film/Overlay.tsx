// What lies over the film: heat, outlines and boxes, rulers, labels, the reader's own box. The marks are
// buttons for the keyboard; the pointer is followed by the stage itself, which knows what is nested.
import { useComputed } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { askRegion } from "../answers";
import { lengthOf, toStage, type Handle } from "../geometry";
import { hiddenBox } from "../live/Asking";
import { boxSpots, lineBoxes, lineSpots, outlineSpots, placed, type Wanted } from "../labels";
import type { Box, Evidence, Heat, Line, Region } from "../model";
import { doc, drawn, hovered, heatsShown, light, opacity, outlines, printing, regionNamed, rulers, scaleTop, showLabels, stage, target, telling, view } from "../store";
import { heatPicture } from "./heat";

export function Overlay(): JSX.Element | null {
  const report = doc.value;
  const { width, height } = stage.value;
  if (!report || !width) return null;
  const { scale, x, y } = view.value;
  const [sx, sy] = [scale, scale * report.film.aspect];
  return (
    <svg class={`marks ${target.value ? "focused" : ""}`} viewBox={`0 0 ${width} ${height}`} role="group" aria-label="Regions on the film">
      <g transform={`matrix(${sx} 0 0 ${sy} ${x} ${y})`}>
        {heatsShown.value.map((heat) => (
          <HeatLayer key={`${heat.extent} ${heat.values.slice(0, 64)} ${heat.most}`} heat={heat} />
        ))}
        <Regions />
        <Places evidence={light.value.evidence} />
        {drawn.value && <path class="own" d={boxPath(drawn.value)} />}
        {hiddenBox.value && <path class="hiding" d={boxPath(hiddenBox.value)} />}
      </g>
      <Rulers />
      <Labels />
      {drawn.value && <Handles box={drawn.value} />}
      <Scalebar />
    </svg>
  );
}

function HeatLayer({ heat }: { heat: Heat }): JSX.Element | null {
  const picture = useMemo(() => heatPicture(heat, scaleTop(heat)), [heat, doc.value?.heat?.top]);
  const [x0, y0, x1, y1] = heat.extent;
  if (!picture) return null;
  return (
    <image class="heat" href={picture} x={x0} y={y0} width={x1 - x0} height={y1 - y0} preserveAspectRatio="none" opacity={opacity.value} />
  );
}

/** What a pointer should meet first comes last: regions of findings, the small ones. */
function Regions(): JSX.Element {
  const order = useComputed(() => {
    const size = ({ box }: Region): number => (box[2] - box[0]) * (box[3] - box[1]);
    const rank = (region: Region): number => (telling.value.has(region.name) ? 1 : 0);
    return [...(doc.value?.regions ?? [])].sort((a, b) => rank(a) - rank(b) || size(b) - size(a));
  });
  const first = order.value.findLast((region) => telling.value.has(region.name)) ?? order.value.at(-1);
  return (
    <>
      {order.value.map((region) => (
        <RegionMark key={region.name} region={region} reached={region === first} />
      ))}
    </>
  );
}

function isDrawn(name: string): boolean {
  if (light.value.regions.has(name)) return true;
  if (outlines.value === "none") return false;
  return outlines.value === "all" || telling.value.has(name);
}

function RegionMark({ region, reached }: { region: Region; reached: boolean }): JSX.Element {
  const { name, outline, box, color } = region;
  const path = outline.length ? outlinePath(outline) : boxPath(box);
  const said = doc.value?.sentences.filter((item) => item.regions.includes(name)).length ?? 0;
  const lit = light.value.regions.has(name);
  const state = `${lit ? "lit" : ""} ${telling.value.has(name) ? "telling" : ""} ${outline.length ? "" : "dashed"}`;
  return (
    <g
      class={`region ${state} ${isDrawn(name) ? "" : "unseen"}`}
      style={{ "--c": color }}
      role="button"
      tabindex={reached ? 0 : -1}
      aria-label={`${name}, ${said === 0 ? "no sentence" : said === 1 ? "1 sentence" : `${said} sentences`}`}
      data-region={name}
      onFocus={(event) => event.currentTarget.matches(":focus-visible") && (hovered.value = { kind: "region", name })}
      onBlur={() => (hovered.value = null)}
      onKeyDown={reachedBy}
    >
      <path class="case" d={path} />
      <path class="line" d={path} />
    </g>
  );
}

/** Arrows go from region to region, Enter asks. */
function reachedBy(event: KeyboardEvent): void {
  const own = event.currentTarget as SVGGElement;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    hovered.value = null;
    askRegion(own.dataset.region as string);
    return;
  }
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const all = [...(own.closest("svg") as SVGSVGElement).querySelectorAll<SVGGElement>("[data-region]")];
  all.sort((a, b) => (regionNamed(a.dataset.region!)?.number ?? 0) - (regionNamed(b.dataset.region!)?.number ?? 0));
  all[(all.indexOf(own) + step + all.length) % all.length].focus();
}

/** Evidence that is no region of its own: boxes and outlines, only while they are pointed at. */
function Places({ evidence }: { evidence: Evidence[] }): JSX.Element {
  const paths = evidence.flatMap((item) =>
    item.kind === "box" ? [boxPath(item.box)] : item.kind === "mask" ? [outlinePath(item.outline)] : [],
  );
  return (
    <g class="places">
      {paths.map((path) => (
        <>
          <path class="case" d={path} />
          <path class="place" d={path} />
        </>
      ))}
    </g>
  );
}

interface StageLine extends Line {
  text: string;
}

/** The measured lines in sight and the reader's own, stage frame. */
function stageLines(): StageLine[] {
  const film = doc.value!.film;
  const onStage = (line: Line, text: string): StageLine => {
    const a = toStage(view.value, film.aspect, { x: line.x0, y: line.y0 });
    const b = toStage(view.value, film.aspect, { x: line.x1, y: line.y1 });
    return { x0: a.x, y0: a.y, x1: b.x, y1: b.y, label: line.label, text };
  };
  const measured = light.value.measurements.flatMap(({ name, text, lines }) => {
    const lengths = lines.map((line) => Math.hypot(line.x1 - line.x0, line.y1 - line.y0));
    const longest = lengths.indexOf(Math.max(...lengths));
    return lines.map((line, at) =>
      onStage(line, [at === longest ? `${name} ${text}` : "", lines.length > 1 ? line.label : ""].filter(Boolean).join(": ")),
    );
  });
  const own = rulers.value.map((line) =>
    onStage(line, lengthOf(film, { x: line.x0, y: line.y0 }, { x: line.x1, y: line.y1 })),
  );
  return [...measured, ...own];
}

function Rulers(): JSX.Element {
  return (
    <g class="rulers">
      {stageLines().map((line) => {
        const path = rulerPath(line);
        return (
          <>
            <path class="case" d={path} />
            <path class="ruler" d={path} />
          </>
        );
      })}
    </g>
  );
}

/** A line with a tick at each end. */
function rulerPath({ x0, y0, x1, y1 }: Line): string {
  const length = Math.hypot(x1 - x0, y1 - y0) || 1;
  const [tx, ty] = [(-(y1 - y0) / length) * 6, ((x1 - x0) / length) * 6];
  const tick = (x: number, y: number): string => `M${x - tx} ${y - ty}L${x + tx} ${y + ty}`;
  return `M${x0} ${y0}L${x1} ${y1}${tick(x0, y0)}${tick(x1, y1)}`;
}

interface LabelText {
  key: string;
  text: string;
  color: string;
  wanted: Wanted;
}

const HIGH = 20;
let pen: CanvasRenderingContext2D | null = null;

function widthOf(text: string): number {
  pen ??= document.createElement("canvas").getContext("2d");
  if (!pen) return text.length * 7 + 12;
  pen.font = "600 12px system-ui, 'Segoe UI', Roboto, sans-serif";
  return pen.measureText(text).width + 12;
}

/** Labels keep their size; each takes the first of its spots that is free. */
function Labels(): JSX.Element {
  const frame: Box = [0, 0, stage.value.width, stage.value.height];
  const lines = stageLines();
  const wanted = [
    ...lines.filter((line) => line.text).map((line, at) => label(`line ${at}`, line.text, "#ffffff", lineSpots(line))),
    ...labelled().map((region) => label(region.name, regionText(region), region.color, spotsOf(region, frame))),
  ];
  const taken = lines.flatMap((line) => lineBoxes(line, 6));
  const boxes = placed(wanted.map((item) => item.wanted), frame, taken);
  return (
    <g class="labels" aria-hidden="true">
      {wanted.map(({ key, text, color }) => {
        const box = boxes.get(key);
        if (!box) return null;
        return (
          <g class={`label ${light.value.regions.has(key) ? "lit" : ""}`} style={{ "--c": color, "--ink": inkOn(color) }}>
            <rect x={box[0]} y={box[1]} width={box[2] - box[0]} height={box[3] - box[1]} rx={3} />
            <text x={(box[0] + box[2]) / 2} y={(box[1] + box[3]) / 2}>
              {text}
            </text>
          </g>
        );
      })}
    </g>
  );
}

function label(key: string, text: string, color: string, spots: Wanted["spots"]): LabelText {
  return { key, text, color, wanted: { key, width: widthOf(text), height: HIGH, spots } };
}

/** The regions with a label: those that are pointed at, or else those of findings; few on a small stage. */
function labelled(): Region[] {
  const all = doc.value?.regions ?? [];
  const lit = all.filter((region) => light.value.regions.has(region.name));
  if (lit.length || !showLabels.value) return lit;
  const most = printing.value ? 12 : stage.value.width < 420 ? 4 : 10;
  const shown = all.filter((region) => isDrawn(region.name));
  return shown.length > most ? shown.filter((region) => telling.value.has(region.name)).slice(0, most) : shown;
}

/** A region's name and the numbers of the sentences that it belongs to. */
function regionText(region: Region): string {
  const numbers = (doc.value?.sentences ?? [])
    .filter((item) => item.section === "findings" && item.kind !== "normal" && item.kind !== "open" && item.regions.includes(region.name))
    .map((item) => item.number);
  return numbers.length ? `${region.label} · ${numbers.join(", ")}` : region.label;
}

function spotsOf(region: Region, frame: Box): Wanted["spots"] {
  const film = doc.value!.film;
  const box = stageBox(region.box);
  if (!region.outline.length) return boxSpots(box, frame);
  const line: number[] = [];
  for (let i = 0; i < region.outline[0].length; i += 2) {
    const at = toStage(view.value, film.aspect, { x: region.outline[0][i], y: region.outline[0][i + 1] });
    line.push(at.x, at.y);
  }
  return outlineSpots(line, box, toStage(view.value, film.aspect, { x: film.width / 2, y: 0 }).x);
}

function stageBox([x0, y0, x1, y1]: Box): Box {
  const aspect = doc.value!.film.aspect;
  const [a, b] = [toStage(view.value, aspect, { x: x0, y: y0 }), toStage(view.value, aspect, { x: x1, y: y1 })];
  return [a.x, a.y, b.x, b.y];
}

/** Black or white, whichever reads better (WCAG 2.2). */
export function inkOn(color: string): string {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000000" : "#ffffff";
}

const HANDLES: Handle[] = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

/** The reader's own box: its inside moves it, its handles resize it. */
function Handles({ box }: { box: Box }): JSX.Element {
  const [x0, y0, x1, y1] = stageBox(box);
  const at = (handle: Handle): [number, number] => [
    handle.includes("w") ? x0 : handle.includes("e") ? x1 : (x0 + x1) / 2,
    handle.includes("n") ? y0 : handle.includes("s") ? y1 : (y0 + y1) / 2,
  ];
  return (
    <g class="handles">
      <rect data-handle="move" x={x0} y={y0} width={x1 - x0} height={y1 - y0} />
      {HANDLES.map((handle) => {
        const [x, y] = at(handle);
        return (
          <g class={`handle ${handle}`}>
            <circle class="reach" data-handle={handle} cx={x} cy={y} r={14} />
            <rect x={x - 4} y={y - 4} width={8} height={8} />
          </g>
        );
      })}
    </g>
  );
}

/** 5 cm, 2 cm or 1 cm at the lower edge, where the spacing is known. */
function Scalebar(): JSX.Element | null {
  const { spacing_mm: spacing, spacing_kind: kind } = doc.value!.film;
  if (!spacing) return null;
  const { width, height } = stage.value;
  const mm = [100, 50, 20, 10, 5, 2, 1].find((length) => (length / spacing[1]) * view.value.scale < 0.28 * width) ?? 1;
  const long = (mm / spacing[1]) * view.value.scale;
  const [x, y] = [width / 2 - long / 2, height - 14];
  const words = `${mm >= 10 ? `${mm / 10} cm` : `${mm} mm`}${kind === "detector" ? " at the detector" : ""}`;
  const path = `M${x} ${y - 4}V${y + 4}M${x} ${y}H${x + long}M${x + long} ${y - 4}V${y + 4}`;
  return (
    <g class="scalebar" role="img" aria-label={`Scale: ${words}`}>
      <path class="case" d={path} />
      <path class="bar" d={path} />
      <text x={x + long / 2} y={y - 8}>
        {words}
      </text>
    </g>
  );
}

function boxPath([x0, y0, x1, y1]: Box): string {
  return `M${x0} ${y0}H${x1}V${y1}H${x0}Z`;
}

function outlinePath(lines: number[][]): string {
  return lines.map((line) => `M${line.join(" ")}Z`).join("");
}
