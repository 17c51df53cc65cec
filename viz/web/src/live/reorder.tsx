// A sentence is dragged by its grip to another place among those that it is shown with.
import type { JSX } from "preact";
import type { Sentence } from "../model";
import { doc, spoken } from "../store";
import { edit, lineOf } from "./room";

const MARKS = ["drop-before", "drop-after"];

/** What a finger or the mouse takes hold of; the keyboard has buttons and keys for it. */
export function Grip({ sentence }: { sentence: Sentence }): JSX.Element {
  return (
    <span class="grip" aria-hidden="true" title="Drag to another place" onPointerDown={(event) => drag(event, sentence)}>
      ⠿
    </span>
  );
}

function drag(start: PointerEvent, sentence: Sentence): void {
  const grip = start.currentTarget as HTMLElement;
  const own = grip.closest<HTMLElement>("[data-sentence]");
  if (!own || start.button > 0) return;
  start.preventDefault();
  grip.setPointerCapture(start.pointerId);
  const rows = [...own.parentElement!.children].filter((row): row is HTMLElement => row instanceof HTMLElement && row.dataset.sentence !== undefined);
  let next: HTMLElement | null | undefined; // null: behind the last; undefined: not moved
  own.classList.add("dragged");
  const off = new AbortController();
  const moved = (event: PointerEvent): void => {
    next = rows.find((row) => event.clientY < middle(row)) ?? null;
    clearMarks(rows);
    (next ?? rows.at(-1)!).classList.add(next ? MARKS[0] : MARKS[1]);
  };
  const ended = (event: PointerEvent): void => {
    off.abort();
    clearMarks(rows);
    own.classList.remove("dragged");
    const follows = rows[rows.indexOf(own) + 1] ?? null;
    if (event.type === "pointerup" && next !== undefined && next !== own && next !== follows) void put(sentence, next);
  };
  grip.addEventListener("pointermove", moved, { signal: off.signal });
  for (const end of ["pointerup", "pointercancel"] as const) grip.addEventListener(end, ended, { signal: off.signal });
}

function middle(row: HTMLElement): number {
  const { top, height } = row.getBoundingClientRect();
  return top + height / 2;
}

function clearMarks(rows: HTMLElement[]): void {
  for (const row of rows) row.classList.remove(...MARKS);
}

async function put(sentence: Sentence, next: HTMLElement | null): Promise<void> {
  const before = doc.value?.sentences.find((item) => String(item.number) === next?.dataset.sentence);
  const line = lineOf(sentence)?.id;
  if (line && (await edit({ do: "move", line, before: before ? (lineOf(before)?.id ?? null) : null }))) spoken.value = "Moved.";
}
