// What the page knows: the document, what of it is pointed at, and how the film is shown.
import { batch, computed, signal } from "@preact/signals";
import { around, fitted, regionsAt, united, type Point, type Size, type View } from "./geometry";
import { WHOLE, type Window } from "./film/painter";
import type { Pixels } from "./film/pixels";
import type { Box, Document, Evidence, FilmInfo, Heat, Line, Measurement, Region, Said, Sentence } from "./model";

export type Tool = "point" | "window" | "box" | "ruler";
export type Target =
  | { kind: "sentence"; number: number }
  | { kind: "region"; name: string }
  | { kind: "measurement"; index: number }
  | { kind: "answered"; index: number };

/** What was answered to a click, a choice or a box. */
export interface Answer {
  title: string;
  region: string; // "" for a box drawn by hand
  box: Box | null;
  at: Point | null; // film frame: where it was asked, null from a list
  said: Said | null; // null while it is awaited
  nested: string[]; // the regions there, the smallest first
  problem: string;
}

export const doc = signal<Document | null>(null);
export const pixels = signal<Pixels | null>(null);
export const stage = signal<Size>({ width: 0, height: 0 });
export const view = signal<View>({ scale: 1, x: 0, y: 0 });
export const isFitted = signal(true);
export const baseWindow = signal<Window>(WHOLE); // as the film asks to be shown
export const grey = signal<Window>(WHOLE);
export const tool = signal<Tool>("point");
export const outlines = signal<"findings" | "all" | "none">("findings");
export const heats = signal<"pointed" | "all" | "none">("pointed");
export const opacity = signal(0.6);
export const showLabels = signal(true);
export const hovered = signal<Target | null>(null);
export const pinned = signal<Target | null>(null);
export const answer = signal<Answer | null>(null);
export const drawn = signal<Box | null>(null); // the reader's own box
export const rulers = signal<Line[]>([]);
export const printing = signal(false);
export const spoken = signal(""); // for screen readers
export const hidden = signal<ReadonlySet<string>>(new Set()); // regions that the reader has hidden

export const target = computed(() => hovered.value ?? pinned.value);

export interface Light {
  sentences: ReadonlySet<number>;
  regions: ReadonlySet<string>;
  evidence: Evidence[];
  measurements: Measurement[];
}

const DARK: Light = { sentences: new Set(), regions: new Set(), evidence: [], measurements: [] };

/** What is lit by what is pointed at. */
export const light = computed<Light>(() => {
  const [report, at, asked] = [doc.value, target.value, answer.value];
  if (!report) return DARK;
  if (!at) return asked?.said ? answerLight(asked) : DARK;
  switch (at.kind) {
    case "sentence": {
      const sentence = report.sentences.find((item) => item.number === at.number);
      return sentence ? lightOf([sentence], report) : DARK;
    }
    case "region": {
      if (asked?.said && asked.region === at.name) return answerLight(asked);
      const citing = report.sentences.filter((item) => item.regions.includes(at.name));
      return { ...DARK, regions: new Set([at.name]), sentences: new Set(citing.map((item) => item.number)) };
    }
    case "measurement": {
      const citing = report.sentences.filter((item) => stands(item, at.index));
      const numbers = new Set(citing.map((item) => item.number));
      return { ...DARK, sentences: numbers, measurements: [report.measurements[at.index]] };
    }
    case "answered": {
      const sentence = asked?.said?.sentences[at.index];
      return asked?.said && sentence ? { ...lightOf([sentence], asked.said), sentences: new Set() } : DARK;
    }
  }
});

function stands(sentence: Sentence, measurement: number): boolean {
  return sentence.evidence.some((item) => item.kind === "measurement" && item.index === measurement);
}

function lightOf(sentences: Sentence[], said: Said): Light {
  const evidence = sentences.flatMap((sentence) => sentence.evidence);
  const measured = evidence.flatMap((item) => (item.kind === "measurement" ? [said.measurements[item.index]] : []));
  return {
    sentences: new Set(sentences.map((sentence) => sentence.number)),
    regions: new Set(sentences.flatMap((sentence) => sentence.regions)),
    evidence,
    measurements: [...new Set(measured)],
  };
}

/** An answer lights its region and, of its sentences, those that say that something is there. */
function answerLight(asked: Answer): Light {
  const said = asked.said as Said;
  const telling = said.sentences.filter((item) => item.kind === "abnormal" || item.kind === "uncertain");
  const shown = lightOf(telling, said);
  const cited = doc.value?.sentences.filter((item) => item.regions.includes(asked.region)) ?? [];
  const regions = new Set(asked.region ? [asked.region] : []);
  return { ...shown, regions, sentences: new Set(cited.map((item) => item.number)) };
}

/** Sentences that a reader has to see: something is there, or may be. */
export function matters(sentence: Sentence): boolean {
  return sentence.kind === "abnormal" || sentence.kind === "uncertain";
}

export const findings = computed(() => doc.value?.sentences.filter((item) => item.section === "findings") ?? []);
export const impression = computed(() => doc.value?.sentences.filter((item) => item.section === "impression") ?? []);

/** The regions that abnormal and uncertain findings stand on: what is drawn on opening. */
export const telling = computed(
  () => new Set(findings.value.filter(matters).flatMap((sentence) => sentence.regions)),
);

/** The heatmaps in sight. */
export const heatsShown = computed<Heat[]>(() => {
  if (heats.value === "none" && !printing.value) return [];
  const all = heats.value === "all" || printing.value;
  const from = all && !target.value ? findings.value.filter(matters).flatMap((item) => item.evidence) : light.value.evidence;
  return from.filter((item): item is Heat => item.kind === "heat");
});

/** The top of the one scale; for a report without heat, what its method calls strong. */
export function scaleTop(heat: Heat): number {
  return doc.value?.heat?.top ?? (heat.strong || heat.most);
}

export function regionNamed(name: string): Region | undefined {
  return doc.value?.regions.find((region) => region.name === name);
}

export function regionsUnder(at: Point): Region[] {
  return regionsAt(doc.value?.regions ?? [], at);
}

export function same(a: Target | null, b: Target | null): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

export function pin(next: Target | null): void {
  pinned.value = same(pinned.value, next) ? null : next;
}

export function clear(): void {
  batch(() => {
    hovered.value = pinned.value = null;
    answer.value = null;
    drawn.value = null;
  });
}

export function fit(): void {
  const film = doc.value?.film;
  if (!film || !stage.value.width) return;
  batch(() => {
    view.value = fitted(film, stage.value);
    isFitted.value = true;
  });
}

export function setView(next: View): void {
  batch(() => {
    view.value = next;
    isFitted.value = false;
  });
}

/** Zoom in on a region or what a sentence stands on. */
export function zoomTo(boxes: Box[]): void {
  const film = doc.value?.film;
  if (film && boxes.length) setView(around(united(boxes), film, stage.value));
}

/** Show the film through the window that it asks for. */
export function windowAs(film: FilmInfo): void {
  const { low, high, curve } = film.scale.window;
  grey.value = baseWindow.value = { center: (low + high) / 2, width: Math.max(high - low, 1), curve, invert: false };
}

export function resetView(): void {
  batch(() => {
    grey.value = baseWindow.value;
    rulers.value = [];
    fit();
  });
}
