// What a reader does with a sentence: accept, reject with a reason, edit, move, tie to another place.
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import type { Sentence } from "../model";
import { doc, drawn, pinned } from "../store";
import type { Line } from "./api";
import { Editor } from "./Editor";
import { Grip } from "./reorder";
import { edit, isBlind, isLive, lineOf, session } from "./room";

export const editing = signal(""); // the line that is being edited
export const rejecting = signal(""); // the line that a reason is asked for

const REASONS = ["not there", "wrong side", "wrong place", "wrong degree", "cannot be judged", "not worth saying"];

const STATUS: Record<Line["status"], string> = {
  open: "",
  accepted: "✓ accepted",
  rejected: "✗ rejected",
  supplemented: "+ the reader's own",
};

export function Actions({ sentence }: { sentence: Sentence }): JSX.Element | null {
  const line = isLive.value ? lineOf(sentence) : undefined;
  if (!line) return null;
  if (editing.value === line.id) return <Editor line={line} sentence={sentence} />;
  if (rejecting.value === line.id) return <Reason line={line} />;
  return (
    <div class="line-tools">
      <Warnings line={line} />
      {line.status !== "open" && (
        <span class={`status ${line.status}`}>
          {STATUS[line.status]}
          {line.by && ` by ${line.by}`}
        </span>
      )}
      {line.edited && <span class="status" title={line.draft ? `Draft: ${line.draft}` : ""}>edited</span>}
      <span class="row" role="group" aria-label={`What to do with sentence ${sentence.number}`}>
        {line.status === "open" && !isBlind.value && (
          <button type="button" title="Accept (A)" onClick={() => void edit({ do: "accept", line: line.id })}>
            ✓ Accept
          </button>
        )}
        {line.status === "accepted" && (
          <button type="button" onClick={() => void edit({ do: "restore", line: line.id })}>
            Open again
          </button>
        )}
        <button type="button" title="Edit (E)" onClick={() => (editing.value = line.id)}>
          Edit
        </button>
        <button type="button" title="Reject (X)" onClick={() => (rejecting.value = line.id)}>
          ✗ Reject
        </button>
        <More line={line} sentence={sentence} />
      </span>
    </div>
  );
}

/** Moving and tying, which are rarer. */
function More({ line, sentence }: { line: Line; sentence: Sentence }): JSX.Element {
  const box = drawn.value;
  return (
    <span class="rare">
      <Grip sentence={sentence} />
      <button type="button" class="icon" aria-label="Move up" title="Move up (,)" onClick={() => void move(sentence, -1)}>
        ↑
      </button>
      <button type="button" class="icon" aria-label="Move down" title="Move down (.)" onClick={() => void move(sentence, 1)}>
        ↓
      </button>
      {box ? (
        <button type="button" onClick={() => void edit({ do: "tie", line: line.id, box })}>
          Tie to the box
        </button>
      ) : (
        <select
          aria-label="Tie to another region"
          title="Tie to another region"
          value=""
          onChange={(event) => void edit({ do: "tie", line: line.id, region: event.currentTarget.value })}
        >
          <option value="">Tie to …</option>
          {doc.value?.regions.map((region) => (
            <option value={region.name}>{region.name}</option>
          ))}
        </select>
      )}
    </span>
  );
}

export function Warnings({ line }: { line: Pick<Line, "warnings"> }): JSX.Element | null {
  if (!line.warnings.length) return null;
  return (
    <ul class="warnings" aria-label="Warnings">
      {line.warnings.map((warning) => (
        <li>{warning.words}</li>
      ))}
    </ul>
  );
}

function Reason({ line }: { line: Line }): JSX.Element {
  const send = (reason: string): void => {
    rejecting.value = "";
    void edit({ do: "reject", line: line.id, reason });
  };
  return (
    <form
      class="reason"
      onSubmit={(event) => {
        event.preventDefault();
        send(String(new FormData(event.currentTarget).get("reason") ?? "").trim());
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        rejecting.value = "";
      }}
    >
      <label>
        <span>Why is it rejected?</span>
        <input name="reason" list="reasons" autocomplete="off" ref={(element) => element?.focus()} />
      </label>
      <datalist id="reasons">
        {REASONS.map((reason) => (
          <option value={reason} />
        ))}
      </datalist>
      <span class="row">
        {REASONS.slice(0, 3).map((reason) => (
          <button type="button" onClick={() => send(reason)}>
            {reason}
          </button>
        ))}
        <button type="submit" class="main">
          Reject
        </button>
        <button type="button" onClick={() => (rejecting.value = "")}>
          Cancel
        </button>
      </span>
    </form>
  );
}

/** A place up or down among the sentences of its section. */
export async function move(sentence: Sentence, by: -1 | 1): Promise<void> {
  const [report, own] = [doc.value, session.value];
  if (!report || !own) return;
  const ids = report.sentences.flatMap((item, at) => (item.section === sentence.section ? [own.lines[at].id] : []));
  const id = lineOf(sentence)?.id ?? "";
  const at = ids.indexOf(id);
  if (at + by < 0 || at + by >= ids.length) return;
  const before = by < 0 ? ids[at - 1] : (ids[at + 2] ?? null);
  await edit({ do: "move", line: id, before });
}

/** The sentence that is pinned, for keys. */
export function pinnedSentence(): Sentence | undefined {
  const at = pinned.value;
  return at?.kind === "sentence" ? doc.value?.sentences.find((item) => item.number === at.number) : undefined;
}
