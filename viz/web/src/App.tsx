// The page: film and words side by side, on a narrow screen one above the other.
import type { JSX } from "preact";
import { AnswerPanel } from "./AnswerPanel";
import { copyText, Help, help, Notice, switchTheme, theme } from "./chrome";
import { HeatScale, Toolbar } from "./film/Toolbar";
import { Stage } from "./film/Stage";
import { allKeys } from "./keys";
import { Report } from "./report/Report";
import { doc, pixels, spoken } from "./store";

export function App(): JSX.Element {
  return (
    <>
      <header class="top">
        <h1>{doc.value ? `${doc.value.title} report` : "Reading room"}</h1>
        <About />
        <span class="actions">
          <button type="button" title="Copy the report as text (C)" onClick={() => void copyText()}>
            Copy
          </button>
          <button type="button" class="roomy" onClick={() => window.print()}>
            Print
          </button>
          <button type="button" title="Dark or light (T)" onClick={switchTheme}>
            {theme.value === "dark" ? "Light" : "Dark"}
          </button>
          <button type="button" class="icon" aria-label="All keys" title="All keys (?)" onClick={() => (help.value = true)}>
            ?
          </button>
        </span>
      </header>
      <main>
        <Reading />
        <div class="words">
          <Report />
        </div>
      </main>
      <Notice />
      <p class="unseen-words" role="status">
        {spoken.value}
      </p>
      <Help keys={allKeys()} />
    </>
  );
}

function Reading(): JSX.Element {
  return (
    <section class="film" aria-label="Film">
      <Toolbar />
      <div class="table">
        <Side letter="R" words="patient's right" />
        <div class="frame">
          <Stage />
          <AnswerPanel />
          {doc.value && !pixels.value && <p class="nofilm">The film is not in this report; its outlines are.</p>}
        </div>
        <Side letter="L" words="patient's left" />
      </div>
      <HeatScale />
    </section>
  );
}

function Side({ letter, words }: { letter: string; words: string }): JSX.Element {
  return (
    <div class="side" aria-hidden="true">
      <b>
        {letter}
        {doc.value?.film.sides_in_doubt ? "?" : ""}
      </b>
      <span>{words}</span>
    </div>
  );
}

function About(): JSX.Element | null {
  const film = doc.value?.film;
  if (!film) return null;
  const spacing = film.spacing_mm?.map((mm) => Number(mm.toPrecision(3))).join(" × ");
  return (
    <p class="about">
      {film.name && <span class="name">{film.name}</span>}
      {film.view && <span>{film.view}</span>}
      {film.child && <span>child</span>}
      <span class="roomy">
        {film.width} × {film.height} pixels
      </span>
      {spacing && (
        <span class="roomy">
          {spacing} mm a pixel{film.spacing_kind === "detector" ? ", at the detector" : ""}
        </span>
      )}
    </p>
  );
}
