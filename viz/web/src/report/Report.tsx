// The words: what matters first. Impression, abnormal and uncertain findings as cards, what is not
// assessed, normal findings in two lines, then the numbers and what the report was made of.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { askRegion, known } from "../answers";
import { Actions } from "../live/Actions";
import { Writer } from "../live/Editor";
import { Compared, History, RejectedLines, Signature } from "../live/Panels";
import { isBlind, isLive, session } from "../live/room";
import type { Sentence } from "../model";
import { doc, findings, impression, light, matters, outlines, telling } from "../store";
import { Badge } from "./Badge";
import { Card, lights, RightOf, Says, ScoreOf } from "./Card";
import { Details } from "./Details";
import { Measurements } from "./Measurements";
import { Audited, Sign } from "./Verdict";

export function Report(): JSX.Element | null {
  const report = doc.value;
  if (!report) return null;
  const own = session.value;
  const isReading = isLive.value && (own?.status !== "ready" || isBlind.value);
  if (isLive.value && own?.status !== "ready" && !report.sentences.length) return null;
  const cards = findings.value.filter((item) => matters(item) || (isBlind.value && item.kind === "normal"));
  return (
    <div class="report">
      <FilmNotes />
      <section aria-labelledby="title-impression" class="impression" hidden={isReading && impression.value.length === 0}>
        <h2 id="title-impression">Impression</h2>
        {impression.value.length === 0 && !isReading && <p class="faint">No impression was written.</p>}
        <ol>
          {impression.value.map((sentence) => (
            <li class={`said ${sentence.kind} ${light.value.sentences.has(sentence.number) ? "lit" : ""}`} {...lights(sentence)}>
              <Says sentence={sentence} />
              {(sentence.kind === "uncertain" || sentence.kind === "withheld") && <Badge kind={sentence.kind} />}{" "}
              <RightOf sentence={sentence} />
              <Actions sentence={sentence} />
            </li>
          ))}
        </ol>
      </section>
      <section aria-labelledby="title-findings">
        <h2 id="title-findings">Findings</h2>
        <Audited />
        {findings.value.length === 0 && !isReading && <p class="faint">No sentence: see the scope and the regions that were not found.</p>}
        {cards.map((sentence) => (
          <Card key={sentence.number} sentence={sentence} />
        ))}
        <Withheld sentences={findings.value.filter((item) => item.kind === "withheld")} />
        <Open sentences={findings.value.filter((item) => item.kind === "open")} />
        <Normal sentences={findings.value.filter((item) => item.kind === "normal" && !cards.includes(item))} />
        {isLive.value && <Writer />}
        {isLive.value && <Signature />}
      </section>
      <Compared />
      <RejectedLines />
      <Measurements />
      <RegionList />
      <Details />
      <History />
    </div>
  );
}

/** What a reader has to know of the film before anything that is said of it. */
function FilmNotes(): JSX.Element | null {
  const film = doc.value!.film;
  const notes = [...film.warnings];
  if (film.sides_in_doubt) notes.unshift("The sides are in doubt: the film may be mirrored");
  if (!notes.length) return null;
  return (
    <ul class="filmnotes" aria-label="About the film">
      {[...new Set(notes)].map((note) => (
        <li>{note}</li>
      ))}
    </ul>
  );
}

/** What may not be said at the level that was asked for, each with why, and what is promised of the rest. */
function Withheld({ sentences }: { sentences: Sentence[] }): JSX.Element | null {
  if (!sentences.length) return null;
  return (
    <div class="open withheld" role="group" aria-label="Withheld">
      {sentences.map((sentence) => (
        <div class={`said ${light.value.sentences.has(sentence.number) ? "lit" : ""}`} {...lights(sentence)}>
          <Badge kind="withheld" /> <Says sentence={sentence} />
          {sentence.notes.map((note) => (
            <p class="faint">{note}</p>
          ))}
          <Actions sentence={sentence} />
        </div>
      ))}
      {doc.value!.scope.guarantee && <p class="faint">{doc.value!.scope.guarantee}.</p>}
    </div>
  );
}

/** What is not assessed or not judged: as visible as what is found. */
function Open({ sentences }: { sentences: Sentence[] }): JSX.Element | null {
  if (!sentences.length) return null;
  return (
    <div class="open" role="group" aria-label="Not assessed">
      {sentences.map((sentence) => (
        <div class={`said ${light.value.sentences.has(sentence.number) ? "lit" : ""}`} {...lights(sentence)}>
          <Says sentence={sentence} />
          <Actions sentence={sentence} />
        </div>
      ))}
    </div>
  );
}

/** Normal findings, run together; two lines until they are asked for. */
function Normal({ sentences }: { sentences: Sentence[] }): JSX.Element | null {
  const [isOpen, setOpen] = useState(false);
  if (!sentences.length) return null;
  return (
    <div class={`normal ${isOpen ? "" : "short"}`} role="group" aria-label="Normal findings">
      <p class="together" hidden={isOpen}>
        {sentences.map((sentence) => (
          <span class={light.value.sentences.has(sentence.number) ? "lit" : ""} {...lights(sentence)}>
            <Sign sentence={sentence} /> <Says sentence={sentence} />{" "}
          </span>
        ))}
      </p>
      <button type="button" class="more" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isOpen ? "Less" : sentences.length > 1 ? `All ${sentences.length} normal` : "More"}
      </button>
      {isOpen && (
        <ul class="scores">
          {sentences.map((item) => (
            <li class={`said ${light.value.sentences.has(item.number) ? "lit" : ""}`} {...lights(item)}>
              <Sign sentence={item} /> <Says sentence={item} /> <RightOf sentence={item} /> <ScoreOf sentence={item} />
              <Actions sentence={item} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Every region, found or not, to be asked about without a pointer. */
function RegionList(): JSX.Element {
  const report = doc.value!;
  const standing = (name: string): string => {
    const answered = known(report, name).sentences;
    if (telling.value.has(name) || answered.some(matters)) return "see findings";
    if (answered.some((item) => item.kind !== "open")) return "described";
    if (name in report.answers) return "not assessed";
    return isLive.value ? "ask" : "no sentence";
  };
  return (
    <details class="regions">
      <summary>
        <h2>Regions</h2> <span class="faint">{report.regions.length} found</span>
      </summary>
      {report.regions.length === 0 && <p class="faint">No region was found.</p>}
      <ul>
        {report.regions.map((region) => (
          <li>
            <button
              type="button"
              class={light.value.regions.has(region.name) ? "lit" : ""}
              data-entry={region.name}
              onClick={() => askRegion(region.name)}
            >
              <i class={`swatch ${region.outline.length ? "" : "dashed"}`} style={{ "--c": region.color }} />
              <span>{region.name}</span>
              <span class="faint">{standing(region.name)}</span>
            </button>
            {region.note && <p class="faint">{region.note}</p>}
          </li>
        ))}
      </ul>
      {Object.keys(report.missing).length > 0 && (
        <>
          <h3>Not found</h3>
          <ul class="plain">
            {Object.entries(report.missing).map(([name, reason]) => (
              <li>
                <b>{name}</b>: {reason}
              </li>
            ))}
          </ul>
        </>
      )}
      <p class="faint">
        Solid lines are outlines, dashed lines boxes.{" "}
        <button type="button" class="link" onClick={() => (outlines.value = outlines.value === "all" ? "findings" : "all")}>
          {outlines.value === "all" ? "Show those of findings only" : "Show all on the film"}
        </button>
      </p>
    </details>
  );
}
