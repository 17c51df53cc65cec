// Words being written: a sentence that is changed, or one of the reader's own. Guards warn while typing.
import { signal } from "@preact/signals";
import type { JSX, RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Box, Sentence } from "../model";
import { doc, drawn, pinned } from "../store";
import { editing, Warnings } from "./Actions";
import { post, type Line, type Warning } from "./api";
import { edit, session } from "./room";

export const writing = signal<{ region: string; box: Box | null } | null>(null); // a new sentence and its place

interface Checked {
  warnings: Warning[];
  findings: { label: string; presence: string }[];
}

/** What the guards say of words, a moment after the last key. */
function useCheck(text: string, regions: string[], line: string | null, section: string): Checked {
  const [checked, setChecked] = useState<Checked>({ warnings: [], findings: [] });
  useEffect(() => {
    const id = session.value?.id;
    if (!id || !text.trim()) {
      setChecked({ warnings: [], findings: [] });
      return;
    }
    let isCurrent = true;
    const waiting = setTimeout(() => {
      post<Checked>(`sessions/${id}/check`, { text, regions, line, section }).then(
        (found) => isCurrent && setChecked(found),
        () => undefined, // the server says it again when the words are sent
      );
    }, 200);
    return () => {
      isCurrent = false;
      clearTimeout(waiting);
    };
  }, [text, regions.join(), line, section]);
  return checked;
}

/** Keep an editor whole in sight, with its buttons, as what the guards say of it makes it longer. */
function useInSight(checked: Checked): RefObject<HTMLDivElement | null> {
  const editor = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => editor.current?.scrollIntoView({ block: "nearest" }), [checked]);
  return editor;
}

function Words({ text, onText, onSend, onCancel, label }: { text: string; onText: (text: string) => void; onSend: () => void; onCancel: () => void; label: string }): JSX.Element {
  return (
    <textarea
      rows={2}
      aria-label={label}
      value={text}
      ref={(element) => {
        if (element && !element.dataset.seen) {
          element.dataset.seen = "yes";
          element.focus();
          element.select();
        }
      }}
      onInput={(event) => onText(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter" && !event.shiftKey) {
          event.preventDefault();
          onSend();
        } else if (event.key === "Escape") {
          event.stopPropagation();
          onCancel();
        }
      }}
    />
  );
}

function Heard({ checked }: { checked: Checked }): JSX.Element {
  return (
    <div aria-live="polite">
      <Warnings line={checked} />
      {checked.findings.length > 0 && (
        <p class="faint">Read as: {checked.findings.map((item) => `${item.label} ${item.presence}`).join(", ")}</p>
      )}
    </div>
  );
}

export function Editor({ line, sentence }: { line: Line; sentence: Sentence }): JSX.Element {
  const [text, setText] = useState(sentence.text);
  const checked = useCheck(text, sentence.regions, line.id, sentence.section);
  const editor = useInSight(checked);
  const places = sentence.regions;
  const more = places.length > 3 ? ` and ${places.length - 3} more` : "";
  const cancel = (): void => {
    editing.value = "";
  };
  const send = async (): Promise<void> => {
    if (!text.trim() || text === sentence.text) return cancel();
    if (await edit({ do: "edit", line: line.id, text: text.trim() })) cancel();
  };
  return (
    <div class="editor" ref={editor}>
      <Words text={text} onText={setText} onSend={() => void send()} onCancel={cancel} label={`Words of sentence ${sentence.number}`} />
      <Heard checked={checked} />
      {line.draft !== null && line.draft !== text && <p class="faint">Draft: {line.draft}</p>}
      <span class="row">
        <button type="button" class="main" onClick={() => void send()}>
          Keep <kbd>Enter</kbd>
        </button>
        <button type="button" onClick={cancel}>
          Cancel <kbd>Esc</kbd>
        </button>
        <span class="faint">It stays tied to {places.slice(0, 3).join(", ") + more}.</span>
      </span>
    </div>
  );
}

/** Start a sentence about what is marked: the reader's box, the region that is pinned, or one to choose. */
export function startWriting(): void {
  const at = pinned.value;
  const region = at?.kind === "region" ? at.name : "";
  writing.value = { region: drawn.value ? "" : region, box: drawn.value };
}

export function Writer(): JSX.Element {
  const place = writing.value;
  if (!place)
    return (
      <button type="button" class="add" title="Add a sentence (G)" onClick={startWriting}>
        + Add a sentence
      </button>
    );
  return <NewSentence key={JSON.stringify(place.box)} />;
}

function NewSentence(): JSX.Element {
  const place = writing.value!;
  const box = drawn.value ?? place.box;
  const [text, setText] = useState("");
  const [section, setSection] = useState("findings");
  const [region, setRegion] = useState(place.region);
  const checked = useCheck(text, box ? [] : [region].filter(Boolean), null, section);
  const editor = useInSight(checked);
  const cancel = (): void => {
    writing.value = null;
  };
  const isReady = !!text.trim() && (!!box || !!region);
  const send = async (): Promise<void> => {
    if (!isReady) return;
    if (await edit({ do: "add", text: text.trim(), section, before: null, ...(box ? { box } : { region }) })) {
      cancel();
      drawn.value = null;
    }
  };
  return (
    <div class="editor" ref={editor}>
      <Words text={text} onText={setText} onSend={() => void send()} onCancel={cancel} label="The new sentence" />
      <Heard checked={checked} />
      <span class="row">
        {box ? (
          <span>about the box</span>
        ) : (
          <label>
            <span>about</span>
            <select value={region} onChange={(event) => setRegion(event.currentTarget.value)}>
              <option value="">choose a region, or draw a box</option>
              {doc.value?.regions.map((item) => (
                <option value={item.name}>{item.name}</option>
              ))}
            </select>
          </label>
        )}
        <label>
          <span>in</span>
          <select value={section} onChange={(event) => setSection(event.currentTarget.value)}>
            <option value="findings">findings</option>
            <option value="impression">impression</option>
          </select>
        </label>
      </span>
      <span class="row">
        <button type="button" class="main" disabled={!isReady} onClick={() => void send()}>
          Add <kbd>Enter</kbd>
        </button>
        <button type="button" onClick={cancel}>
          Cancel <kbd>Esc</kbd>
        </button>
      </span>
    </div>
  );
}
