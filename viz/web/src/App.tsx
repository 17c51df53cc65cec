// The page: film and words side by side, on a narrow screen one above the other.
import type { JSX } from "preact";
import { AnswerPanel } from "./AnswerPanel";
import { copyText, Help, help, Notice, switchTheme, theme } from "./chrome";
import { FileDialog, Shelf, Uploads } from "./live/Shelf";
import { LiveActions, State } from "./live/Panels";
import { drawer, isLive, rename, session } from "./live/room";
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
          <LiveActions />
          <button type="button" class={doc.value ? (isLive.value ? "live-copy" : "") : "gone"} title="Copy the report as text (C)" onClick={() => void copyText()}>
            Copy
          </button>
          <button type="button" class={doc.value ? "roomy" : "gone"} onClick={() => window.print()}>
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
      {isLive.value && !session.value ? (
        <main class="start">
          <Shelf />
        </main>
      ) : (
        <main>
          <Reading />
          <div class="words">
            <Uploads />
            <State />
            <Report />
          </div>
        </main>
      )}
      {isLive.value && session.value && drawer.value && (
        <aside class="drawer" aria-label="Films">
          <button type="button" class="icon" aria-label="Close the list of films" onClick={() => (drawer.value = false)}>
            ×
          </button>
          <Shelf />
        </aside>
      )}
      {isLive.value && <FileDialog />}
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

/** A film that may be mirrored, or in which no region was found, need not have its right on the left. */
function isUnsure(): boolean {
  const report = doc.value;
  const isDone = !isLive.value || session.value?.status === "ready";
  return !!report && (report.film.sides_in_doubt || (isDone && report.regions.length === 0));
}

function Side({ letter, words }: { letter: string; words: string }): JSX.Element {
  return (
    <div class="side" aria-hidden="true">
      <b>
        {letter}
        {isUnsure() ? "?" : ""}
      </b>
      <span>
        {words}
        {isUnsure() ? "?" : ""}
      </span>
    </div>
  );
}

/** The name of a session, to be changed by its reader. */
function Name(): JSX.Element {
  return (
    <input class="name" aria-label="Name of this film" value={session.value?.name ?? ""} onChange={(event) => void rename(event.currentTarget.value)} />
  );
}

function About(): JSX.Element | null {
  const film = doc.value?.film;
  if (!film) return null;
  const spacing = film.spacing_mm?.map((mm) => Number(mm.toPrecision(3))).join(" × ");
  return (
    <p class="about">
      {isLive.value ? <Name /> : film.name && <span class="name">{film.name}</span>}
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
