// A sentence: its words light their place on the film; a card adds what it stands on.
import type { JSX } from "preact";
import { Actions } from "../live/Actions";
import type { Sentence } from "../model";
import { doc, hovered, light, pin, pinned, regionNamed, same, spoken, zoomTo, type Target } from "../store";
import { Badge } from "./Badge";
import { looks, VerdictBadge } from "./Verdict";

export function targetOf(sentence: Sentence): Target {
  return { kind: "sentence", number: sentence.number };
}

/** Pointing at an element points at the sentence. */
export function lights(sentence: Sentence): {
  "data-sentence": number;
  onPointerEnter: (event: PointerEvent) => void;
  onPointerLeave: () => void;
} {
  const own = targetOf(sentence);
  return {
    "data-sentence": sentence.number,
    onPointerEnter: (event) => {
      if (event.pointerType === "mouse") hovered.value = own;
    },
    onPointerLeave: () => {
      if (same(hovered.value, own)) hovered.value = null;
    },
  };
}

/** The words as a button that pins what they stand on; no <button>, so that they wrap as words do. */
export function Says({ sentence }: { sentence: Sentence }): JSX.Element {
  const own = targetOf(sentence);
  return (
    <span
      role="button"
      tabIndex={0}
      class="says"
      aria-pressed={same(pinned.value, own)}
      onClick={() => pinSentence(sentence)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        pinSentence(sentence);
      }}
      onFocus={(event) => event.currentTarget.matches(":focus-visible") && (hovered.value = own)}
      onBlur={() => same(hovered.value, own) && (hovered.value = null)}
    >
      {sentence.text}
    </span>
  );
}

export function pinSentence(sentence: Sentence): void {
  pin(targetOf(sentence));
  spoken.value = pinned.value ? `${sentence.text} Stands on: ${sentence.regions.join(", ")}.` : "Nothing pinned.";
}

const SCORES: Record<string, string> = {
  "raw score": "The finding's probability in the film times that of this place, at even odds before the film is seen; not the probability that the sentence is right",
};

/** The score of the generator, named as what it is. */
export function ScoreOf({ sentence }: { sentence: Sentence }): JSX.Element | null {
  if (sentence.score === null) return null;
  return (
    <span class="faint" title={SCORES[sentence.score_kind]}>
      {sentence.score_kind} {sentence.score.toFixed(2)}
    </span>
  );
}

/** How probable it is that the sentence is right, with the films on which that was measured; or that nobody knows. */
export function RightOf({ sentence }: { sentence: Sentence }): JSX.Element | null {
  const right = sentence.right;
  if (sentence.unrated)
    return (
      <span class="faint trust" title={sentence.unrated}>
        probability that the sentence is right <b>not measured</b>
      </span>
    );
  if (!right) return null;
  return (
    <span class="faint trust" title={`Measured on ${right.population}`}>
      {right.score_kind} <b>{right.score.toFixed(2)}</b>
    </span>
  );
}

export function Card({ sentence }: { sentence: Sentence }): JSX.Element {
  const lit = light.value.sentences.has(sentence.number);
  return (
    <article class={`card ${sentence.kind} ${looks(sentence)} ${lit ? "lit" : ""} ${same(pinned.value, targetOf(sentence)) ? "pinned" : ""}`} aria-label={`Finding ${sentence.number}`} {...lights(sentence)}>
      <header>
        <span class="number" aria-hidden="true">
          {sentence.number}
        </span>
        <Says sentence={sentence} />
      </header>
      <Basis sentence={sentence} />
      <Actions sentence={sentence} />
    </article>
  );
}

/** What a sentence stands on: kind, regions, score, numbers and notes. */
export function Basis({ sentence }: { sentence: Sentence }): JSX.Element {
  const report = doc.value!;
  const boxes = sentence.regions.flatMap((name) => regionNamed(name)?.box ?? []);
  const all = sentence.regions.map((name) => regionNamed(name)).filter((region) => region !== undefined);
  const outside = sentence.evidence.flatMap((item) => (item.kind === "measurement" ? [report.measurements[item.index]] : []));
  return (
    <div class="basis">
      <Badge kind={sentence.kind} />
      <VerdictBadge sentence={sentence} />
      {sentence.regions.slice(0, 4).map((name) => (
        <span class="chip">
          <i class="swatch" style={{ "--c": regionNamed(name)?.color ?? "#aab0b8" }} />
          {name}
        </span>
      ))}
      {sentence.regions.length > 4 && <span class="faint">and {sentence.regions.length - 4} more</span>}
      <RightOf sentence={sentence} />
      <ScoreOf sentence={sentence} />
      {outside.map((item) => (
        <span class="faint">
          {item.name} {item.text}
        </span>
      ))}
      {boxes.length > 0 && (
        <button type="button" class="link" onClick={() => zoomTo(all.map((region) => region.box))}>
          zoom
        </button>
      )}
      {sentence.notes.map((note) => (
        <span class={`note ${note.startsWith("merged") ? "merged" : ""}`}>{note}</span>
      ))}
    </div>
  );
}
