// What the live page adds to the report: its state, what was rejected, agreement, and who did what.
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { get, saveFile, type Agreement } from "./api";
import { askRegion } from "../answers";
import { chooseFiles, when } from "./Shelf";
import { auditReport, drawer, edit, institution, isBlind, isLive, reader, readAnyway, session, settings, signAs, signReport, told, trouble } from "./room";

const STAGES: Record<string, string> = {
  waiting: "Waiting for its turn …",
  regions: "Finding the regions …",
  report: "Writing the report …",
};

/** What goes on, or went wrong, above everything else. */
export function State(): JSX.Element | null {
  const own = session.value;
  if (!isLive.value) return null;
  return (
    <>
      {trouble.value && (
        <p class="trouble" role="alert">
          {trouble.value}{" "}
          <button type="button" class="link" onClick={() => (trouble.value = "")}>
            Dismiss
          </button>
        </p>
      )}
      {own?.status === "reading" && (
        <p class="progress" role="status">
          {STAGES[own.stage] ?? "Reading …"}
        </p>
      )}
      {own?.status === "ready" && own.stage === "audit" && (
        <p class="progress" role="status">
          Auditing: each sentence is asked again with its place hidden …
        </p>
      )}
      {(own?.status === "refused" || own?.status === "failed") && (
        <div class="refused" role="alert">
          <b>{own.status === "refused" ? "This film was refused." : "This film could not be read."}</b>
          <p>{own.reason}</p>
          {own.can_force && (
            <button type="button" class="main" onClick={() => void readAnyway()}>
              {own.status === "refused" ? "Read anyway" : "Try again"}
            </button>
          )}
        </div>
      )}
      {isBlind.value && <Blind />}
    </>
  );
}

/** Read first: the reader's own marks, then the draft. */
function Blind(): JSX.Element {
  return (
    <div class="blind">
      <h2>Read first</h2>
      <p>
        The draft is not shown yet. Click a region or draw a box, write what you see, and compare afterwards. Your marks stay
        yours.
      </p>
      <button
        type="button"
        class="main"
        onClick={() => confirm("Show the draft? It cannot be hidden again.") && void edit({ do: "reveal" })}
      >
        These are my marks: show the draft
      </button>
    </div>
  );
}

/** Who vouches for the report as it stands: exported objects name them as their verifying observer. */
export function Signature(): JSX.Element | null {
  const own = session.value;
  if (own?.status !== "ready" || isBlind.value) return null;
  const signed = own.acceptance;
  if (signed)
    return (
      <p class="signature signed">
        <b>✓ Signed</b> by {signed.name}, {signed.institution}, {when(signed.time)}. A change takes it back.
      </p>
    );
  if (!signing.value)
    return (
      <button type="button" class="add" title="Vouch for the whole report; what is open becomes accepted" onClick={() => (signing.value = true)}>
        ✓ Sign the report …
      </button>
    );
  return (
    <form
      class="editor signature"
      aria-label="Sign the report"
      onSubmit={(event) => {
        event.preventDefault();
        const given = new FormData(event.currentTarget);
        const [name, at] = ["name", "institution"].map((key) => String(given.get(key)).trim());
        void signReport(name, at).then((isDone) => (signing.value = !isDone));
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        signing.value = false;
      }}
    >
      <p class="faint">Everything that is open becomes accepted. Structured reports name you as verifying observer.</p>
      <span class="row">
        <label>
          <span>Name</span>
          <input name="name" required pattern=".*\S.*" autocomplete="name" value={reader.value} ref={(element) => element?.focus()} />
        </label>
        <label>
          <span>Institution</span>
          <input name="institution" required pattern=".*\S.*" autocomplete="organization" value={institution.value} />
        </label>
      </span>
      <span class="row">
        <button type="submit" class="main">
          Sign
        </button>
        <button type="button" onClick={() => (signing.value = false)}>
          Cancel <kbd>Esc</kbd>
        </button>
      </span>
    </form>
  );
}

const signing = signal(false);
const agreement = signal<Agreement | null>(null);
const VERDICTS = { agree: "= agree", differ: "≠ differ", "reader only": "you only", "draft only": "draft only" };

/** Where reader and draft agree and differ, region by region. */
export function Compared(): JSX.Element | null {
  const own = session.value;
  const isDue = !!own?.read_first && own.revealed && own.status === "ready";
  useEffect(() => {
    agreement.value = null;
    if (isDue) void told(async () => (agreement.value = await get<Agreement>(`sessions/${own.id}/agreement`)));
  }, [own?.id, own?.revision, isDue]);
  const found = agreement.value;
  if (!isDue || !found) return null;
  return (
    <section class="compared" aria-labelledby="title-compared">
      <h2 id="title-compared">You and the draft</h2>
      <p class="faint">
        {Object.entries(found.counts)
          .filter(([, count]) => count)
          .map(([verdict, count]) => `${count} ${verdict}`)
          .join(", ") || "Nothing to compare."}
      </p>
      <ul>
        {found.regions.map((item) => (
          <li class={item.verdict.replace(" ", "-")}>
            <button type="button" class="link" onClick={() => askRegion(item.region)}>
              {item.region}
            </button>{" "}
            <b class={`badge ${item.verdict === "agree" ? "" : "uncertain"}`}>{VERDICTS[item.verdict]}</b>
            {item.reader.length > 0 && <p>You: {item.reader.join(" ")}</p>}
            {item.draft.length > 0 && <p class="faint">Draft: {item.draft.join(" ")}</p>}
          </li>
        ))}
      </ul>
    </section>
  );
}

export function RejectedLines(): JSX.Element | null {
  const lines = session.value?.rejected ?? [];
  if (!lines.length) return null;
  return (
    <section class="rejected" aria-labelledby="title-rejected">
      <h2 id="title-rejected">Rejected</h2>
      <ul>
        {lines.map((line) => (
          <li>
            <del>{line.text}</del> <span class="faint">{line.reason}</span>{" "}
            <button type="button" class="link" onClick={() => void edit({ do: "restore", line: line.id })}>
              Restore
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function History(): JSX.Element | null {
  const own = session.value;
  if (!own) return null;
  return (
    <details class="history">
      <summary>
        <h2>Who did what</h2> <span class="faint">{own.history.length}</span>
      </summary>
      <label>
        <span>Signed as</span>
        <input value={reader.value} placeholder="name or initials" onChange={(event) => signAs(event.currentTarget.value.trim())} />
      </label>
      <ol>
        {own.history.map((act) => (
          <li>
            <span class="faint">{when(act.at)}</span> {act.by || "reader"} <b>{act.act}</b> {act.text && `“${act.text}”`} {act.reason && `(${act.reason})`}
          </li>
        ))}
      </ol>
    </details>
  );
}

/** The buttons of the live page's head. */
export function LiveActions(): JSX.Element | null {
  const own = session.value;
  if (!isLive.value) return null;
  return (
    <>
      <button type="button" class={own ? "" : "gone"} title="Saved films and new ones (S)" aria-expanded={drawer.value} onClick={() => (drawer.value = !drawer.value)}>
        Films
      </button>
      <button type="button" class={own ? "roomy" : "gone"} title="Open films (F)" onClick={chooseFiles}>
        Open …
      </button>
      {own && (
        <>
          <button type="button" class="icon" aria-label={`Undo ${own.undo ?? ""}`} title={`Undo ${own.undo ?? ""} (U)`} disabled={!own.undo} onClick={() => void edit({ do: "undo" })}>
            ↶
          </button>
          <button type="button" class="icon" aria-label={`Redo ${own.redo ?? ""}`} title={`Redo ${own.redo ?? ""} (Shift U)`} disabled={!own.redo} onClick={() => void edit({ do: "redo" })}>
            ↷
          </button>
          {own.status === "ready" && !isBlind.value && (
            <button type="button" title="Try what each sentence rests on" disabled={own.stage === "audit"} onClick={() => void auditReport()}>
              Audit
            </button>
          )}
          {own.status === "ready" && !isBlind.value && <Exports id={own.id} />}
        </>
      )}
    </>
  );
}

function Exports({ id }: { id: string }): JSX.Element {
  return (
    <details class="menu">
      <summary>Export</summary>
      <ul>
        {(settings.value?.exporters ?? []).map((item) => (
          <li>
            <button
              type="button"
              data-export={item.name}
              onClick={(event) => {
                event.currentTarget.closest("details")?.removeAttribute("open");
                void told(() => saveFile(`sessions/${id}/exports/${item.name}`));
              }}
            >
              {item.label}
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}
