// The document that Python makes of a report (viz/document.py). Coordinates: image frame, pixels.

export type Box = [x0: number, y0: number, x1: number, y1: number];
export type Kind = "abnormal" | "uncertain" | "withheld" | "open" | "normal";
export type Presence = "present" | "absent" | "uncertain";

/** What a sentence rests on, as the audit found it. */
export type Verdict = "supported" | "weakly supported" | "not by its region" | "does not use the image" | "not audited";
/** What greys of 16 bits mean. window: as the film asks to be shown; a number of its own is slope * grey + intercept. */
export interface Scale {
  window: { low: number; high: number; curve: number[] };
  bits: number;
  slope: number;
  intercept: number;
}

export interface FilmInfo {
  width: number;
  height: number;
  aspect: number; // height over width of a pixel
  spacing_mm: [row: number, column: number] | null;
  spacing_kind: "patient" | "detector" | "unknown";
  view: string;
  name: string;
  sha256: string;
  warnings: string[];
  child: boolean;
  sides_in_doubt: boolean;
  scale: Scale;
}

export interface Region {
  number: number;
  name: string;
  label: string;
  color: string;
  score: number;
  box: Box;
  outline: number[][]; // closed lines as x, y, x, y ...; empty where only a box is known
  note: string;
  side: "" | "right" | "left";
  other: string; // its counterpart on the other side, "" without
}

export interface Finding {
  label: string;
  presence: Presence;
  region: string;
  score: number;
  score_kind: string;
}

export interface Heat {
  kind: "heat";
  extent: Box;
  rows: number;
  columns: number;
  values: string; // base64, a byte a cell; 255 is `most`
  most: number;
  strong: number;
  unit: string;
}

export type Evidence =
  | { kind: "region"; region: string }
  | { kind: "box"; box: Box }
  | { kind: "mask"; outline: number[][] }
  | { kind: "measurement"; index: number }
  | Heat;

/** How probable it is that all that a sentence claims is right, and on which films that was measured. */
export interface Right {
  score: number;
  score_kind: string;
  population: string;
}

export interface Sentence {
  number: number;
  text: string;
  section: "findings" | "impression";
  kind: Kind;
  regions: string[];
  findings: Finding[];
  score: number | null;
  score_kind: string;
  right: Right | null;
  unrated: string; // why `right` is not known, "" where it is or nobody asked
  notes: string[];
  evidence: Evidence[];
  verdict: Verdict | ""; // of the audit, "" without one
  checks: string[]; // what the verdict follows from
}

export interface Line {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
  label: string;
}

export interface Measurement {
  name: string;
  value: number;
  text: string;
  normal: string;
  tolerance: string;
  verdict: "" | "borderline" | "outside";
  source: string;
  lines: Line[];
}

export interface Said {
  sentences: Sentence[];
  measurements: Measurement[];
}

export interface Document extends Said {
  schema: number;
  title: string;
  notice: string;
  film: FilmInfo;
  regions: Region[];
  missing: Record<string, string>;
  heat: { top: number; words: string } | null;
  scope: { assessed: Record<string, string>; not_assessed: string[]; guarantee?: string };
  audit: { subject: string; measures: Record<string, string>; notes: string[] } | null;
  removed: { text: string; regions: string[]; reason: string }[];
  provenance: {
    version: string;
    preset: string;
    detector: string;
    generator: string;
    explainer: string;
    composer: string;
    weights_sha256: Record<string, string>;
  };
  answers: Record<string, Said>;
}
