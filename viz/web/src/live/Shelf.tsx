// Opening films: dropping them, choosing them, those given at start, and what was read before.
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { Summary } from "./api";
import { deleteSession, drawer, drop, list, open, openFiles, openFromShelf, readFirst, refreshList, search, session, shelf, total, told, uploads } from "./room";

/** The start of the page, and the drawer behind "Films". */
export function Shelf(): JSX.Element {
  return (
    <div class="shelf">
      <Opener />
      <Uploads />
      {shelf.value.length > 0 && (
        <section aria-labelledby="title-given">
          <h2 id="title-given">Given at start</h2>
          <ul class="given">
            {shelf.value.map((film) => (
              <li>
                <button type="button" onClick={() => void openFromShelf(film.id)}>
                  {film.name}
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      <Sessions />
    </div>
  );
}

let choose: HTMLInputElement | null = null;

/** The file dialog, also for the keyboard. */
export function chooseFiles(): void {
  choose?.click();
}

export function FileDialog(): JSX.Element {
  return (
    <input
      type="file"
      multiple
      class="unseen-words"
      tabIndex={-1}
      aria-label="Films to open"
      ref={(element) => {
        choose = element;
      }}
      onChange={(event) => {
        const files = [...(event.currentTarget.files ?? [])];
        event.currentTarget.value = "";
        void openFiles(files);
      }}
    />
  );
}

function Opener(): JSX.Element {
  return (
    <div class="opener">
      <p class="drop">
        <b>Drop films here</b>
        <span class="faint">DICOM, PNG, JPEG or TIFF; they stay on this machine</span>
      </p>
      <button type="button" class="main" onClick={chooseFiles}>
        Choose films …
      </button>
      <label>
        <input type="checkbox" checked={readFirst.value} onChange={(event) => (readFirst.value = event.currentTarget.checked)} />
        <span>Read first, then compare: the draft is shown after your own marks</span>
      </label>
    </div>
  );
}

/** Films on their way, and those that were refused, with the reason. */
export function Uploads(): JSX.Element | null {
  if (!uploads.value.length) return null;
  const refused = uploads.value.filter((item) => item.state === "refused");
  return (
    <ul class="uploads" aria-label="Films being opened">
      {refused.length > 2 && (
        <li class="row">
          <span>{refused.length} films were refused.</span>
          <button type="button" onClick={() => (uploads.value = uploads.value.filter((item) => item.state !== "refused"))}>
            Dismiss all
          </button>
        </li>
      )}
      {uploads.value.map((item) => (
        <li class={item.state}>
          <b>{item.file.name}</b>
          {item.state === "sending" ? <span class="faint">is being sent …</span> : <span class="problem">{item.reason}</span>}
          {item.state === "refused" && (
            <span class="row">
              {item.canForce && (
                <button
                  type="button"
                  onClick={() => {
                    drop(item.key);
                    void openFiles([item.file], true);
                  }}
                >
                  Read anyway
                </button>
              )}
              <button type="button" onClick={() => drop(item.key)}>
                Dismiss
              </button>
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

function Sessions(): JSX.Element {
  const waiting = useRef(0);
  return (
    <section aria-labelledby="title-saved">
      <header class="row">
        <h2 id="title-saved">Saved</h2>
        <input
          type="search"
          placeholder="Search names and words"
          aria-label="Search saved films"
          value={search.value}
          onInput={(event) => {
            search.value = event.currentTarget.value;
            clearTimeout(waiting.current);
            waiting.current = window.setTimeout(() => void told(refreshList), 200);
          }}
        />
      </header>
      {list.value.length === 0 && <p class="faint">{search.value ? "Nothing is found." : "Nothing has been read yet."}</p>}
      <ul class="saved">
        {list.value.map((item) => (
          <Saved key={item.id} item={item} />
        ))}
      </ul>
      {total.value > list.value.length && (
        <p class="faint">
          {list.value.length} of {total.value}; search for the others.
        </p>
      )}
    </section>
  );
}

const STATES: Record<string, string> = { reading: "being read", refused: "refused", failed: "failed", ready: "" };

function Saved({ item }: { item: Summary }): JSX.Element {
  const { accepted, rejected, supplemented, open: left } = item.counts;
  const done = [accepted && `${accepted} accepted`, rejected && `${rejected} rejected`, supplemented && `${supplemented} added`].filter(Boolean);
  return (
    <li class={item.id === session.value?.id ? "current" : ""}>
      <button type="button" class="saved-film" onClick={() => (item.id === session.value?.id ? (drawer.value = false) : void open(item.id))}>
        <img src={`/api/sessions/${item.id}/thumbnail`} alt="" loading="lazy" width={72} height={72} />
        <span class="about-film">
          <b>{item.name || "unnamed"}</b>
          <span>{STATES[item.status] || item.headline || (left ? `${left} sentences` : "")}</span>
          <span class="faint">
            {when(item.changed)}
            {item.view && ` · ${item.view}`}
            {done.length > 0 && ` · ${done.join(", ")}`}
          </span>
        </span>
      </button>
      <button type="button" class="icon" aria-label={`Delete ${item.name}`} title="Delete" onClick={() => confirm(`Delete ${item.name} and its report?`) && void deleteSession(item.id)}>
        ×
      </button>
    </li>
  );
}

export function when(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? iso : at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** Files dropped anywhere on the page are opened. */
export function takeDrops(): void {
  const over = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    document.documentElement.classList.toggle("dropping", event.type === "dragover");
    if (event.type === "drop") void openFiles([...event.dataTransfer.files]);
  };
  document.addEventListener("dragover", over);
  document.addEventListener("drop", over);
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.documentElement.classList.remove("dropping");
  });
}
