// Answers to "what is here?": from the page itself, or from the server where there is one.
import { batch } from "@preact/signals";
import type { Point } from "./geometry";
import type { Box, Document, Said, Sentence } from "./model";
import { answer, doc, drawn, pinned, regionsUnder, spoken, type Answer } from "./store";

/** Whoever can answer for a region or a box; a static page knows its regions only. */
export interface Source {
  region(name: string): Promise<Said>;
  box?(box: Box): Promise<Said>;
}

let source: Source = { region: (name) => Promise.resolve(known(doc.value as Document, name)) };
let turn = 0; // only the last question is answered

export function answerFrom(other: Source): void {
  source = other;
}

export function answersBoxes(): boolean {
  return source.box !== undefined;
}

/** What the page itself knows of a region: the answer inside of it, or the report's own sentences. */
export function known(report: Document, name: string): Said {
  const own = report.answers[name];
  if (own) return own;
  const sentences = report.sentences.filter((item) => item.section === "findings" && item.regions.includes(name));
  return { sentences, measurements: report.measurements };
}

/** Ask about the region at a point: the smallest there, or another of those by its place in order. */
export function askAt(at: Point, deeper = 0): void {
  const names = regionsUnder(at).map((region) => region.name);
  if (!names.length) {
    batch(() => {
      pinned.value = null;
      answer.value = { ...EMPTY, title: "No region here", at, said: { sentences: [], measurements: [] } };
    });
    return;
  }
  askRegion(names[deeper % names.length], at, names);
}

const EMPTY: Answer = { title: "", region: "", box: null, at: null, said: null, nested: [], problem: "" };

export function askRegion(name: string, at: Point | null = null, nested: string[] = [name]): void {
  batch(() => {
    pinned.value = { kind: "region", name };
    drawn.value = null;
    awaited({ ...EMPTY, title: name, region: name, at, nested }, source.region(name));
  });
}

export function askBox(box: Box): void {
  if (!source.box) return;
  const told = source.box(box);
  batch(() => {
    pinned.value = null;
    drawn.value = box;
    const at = { x: box[2], y: box[1] };
    awaited({ ...EMPTY, title: "Marked area", box, at, nested: [] }, told);
  });
}

/** The next of the nested regions where the last question was asked. */
export function askNext(by = 1): void {
  const last = answer.value;
  if (!last || last.nested.length < 2) return;
  const at = last.nested.indexOf(last.region);
  askRegion(last.nested[(at + by + last.nested.length) % last.nested.length], last.at, last.nested);
}

export function closeAnswer(): void {
  batch(() => {
    answer.value = null;
    drawn.value = null;
    pinned.value = null;
  });
}

function awaited(question: Answer, told: Promise<Said>): void {
  const mine = ++turn;
  answer.value = { ...question, said: answer.value?.title === question.title ? answer.value.said : null };
  told.then(
    (said) => {
      if (mine !== turn || !answer.value) return;
      answer.value = { ...question, said };
      spoken.value = `${question.title}: ${said.sentences.map((item) => item.text).join(" ") || "No sentence."}`;
    },
    (error: Error) => {
      if (mine === turn) answer.value = { ...question, said: { sentences: [], measurements: [] }, problem: error.message };
    },
  );
}

const ORDER = ["abnormal", "uncertain", "withheld", "normal", "open"];

/** What is there first, what is not assessed last. */
export function inOrder(sentences: Sentence[]): Sentence[] {
  return [...sentences].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}
