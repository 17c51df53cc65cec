// The answer to a click, a choice or a box, beside the place that was asked about.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { askNext, askRegion, closeAnswer, inOrder } from "./answers";
import { toStage } from "./geometry";
import { Asking } from "./live/Asking";
import { isBlind, isLive, take } from "./live/room";
import { Badge } from "./report/Badge";
import { RightOf, ScoreOf } from "./report/Card";
import type { Said, Sentence } from "./model";
import { answer, doc, hovered, regionNamed, same, stage, view, type Answer, type Target } from "./store";

export function AnswerPanel(): JSX.Element | null {
  const asked = answer.value;
  const own = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (asked && !asked.at) own.current?.focus(); // asked from a list or by the keyboard
  }, [asked?.title, asked?.at]);
  if (!asked) return null;
  return (
    <div class="answer" role="dialog" aria-label={`Answer: ${asked.title}`} tabIndex={-1} ref={own} style={placeOf(asked)}>
      <header>
        <h2>{asked.title}</h2>
        <button type="button" class="icon" aria-label="Close the answer" onClick={closeAnswer}>
          ×
        </button>
      </header>
      {asked.problem && <p class="problem">{asked.problem}</p>}
      {asked.said ? <Answered said={asked.said} isRegion={asked.region !== ""} /> : <p class="faint">Reading …</p>}
      {regionNamed(asked.region)?.note && <p class="faint">{regionNamed(asked.region)?.note}</p>}
      {asked.nested.length > 1 && <Nested asked={asked} />}
      <Asking />
    </div>
  );
}

function Answered({ said, isRegion }: { said: Said; isRegion: boolean }): JSX.Element {
  if (!said.sentences.length) return <p class="open">{isRegion ? "No sentence of the report is about this region." : "Nothing is said here."}</p>;
  return (
    <ul>
      {inOrder(said.sentences.filter((item) => item.section === "findings")).map((sentence) => (
        <Line sentence={sentence} index={said.sentences.indexOf(sentence)} />
      ))}
    </ul>
  );
}

function Line({ sentence, index }: { sentence: Sentence; index: number }): JSX.Element {
  const own: Target = { kind: "answered", index };
  return (
    <li class={sentence.kind} onPointerEnter={() => (hovered.value = own)} onPointerLeave={() => same(hovered.value, own) && (hovered.value = null)}>
      <span>{sentence.text}</span>
      {sentence.kind !== "normal" && sentence.kind !== "open" && <Badge kind={sentence.kind} />}
      <RightOf sentence={sentence} /> <ScoreOf sentence={sentence} />
      {isLive.value && !isBlind.value && sentence.kind !== "open" && sentence.kind !== "withheld" && (
        <button type="button" class="link take" title="Take this sentence into the report" onClick={() => void take(sentence.number)}>
          + report
        </button>
      )}
    </li>
  );
}

/** The regions that lie around the one that was asked about. */
function Nested({ asked }: { asked: Answer }): JSX.Element {
  return (
    <p class="nested">
      <span class="faint">Also here:</span>
      {asked.nested
        .filter((name) => name !== asked.region)
        .map((name) => (
          <button type="button" class="link" onClick={() => askRegion(name, asked.at, asked.nested)}>
            {regionNamed(name)?.label ?? name}
          </button>
        ))}
      <button type="button" class="link key" onClick={() => askNext()}>
        next <kbd>N</kbd>
      </button>
    </p>
  );
}

const WIDE = 320;

/** Beside the point that was asked about, inside of the stage; on a narrow page beneath the film. */
function placeOf(asked: Answer): Record<string, string> {
  const { width, height } = stage.value;
  const region = regionNamed(asked.region);
  const spot = asked.at ?? (region ? { x: region.box[2], y: region.box[1] } : null);
  if (!spot || !doc.value || width < 560) return {};
  const at = toStage(view.value, doc.value.film.aspect, spot);
  const beside = asked.box ?? (asked.at ? null : region?.box); // a place that was pointed at is known
  const from = beside ? toStage(view.value, doc.value.film.aspect, { x: beside[0], y: 0 }).x : at.x;
  const left = at.x + 16 + WIDE < width ? at.x + 16 : from - 16 - WIDE;
  const top = Math.max(8, Math.min(at.y - 20, height - 380));
  return {
    "--left": `${Math.max(8, Math.min(left, width - WIDE - 8))}px`,
    "--top": `${top}px`,
    "--most": `${height - top - 8}px`,
  };
}
