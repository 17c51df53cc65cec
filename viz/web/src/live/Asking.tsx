// More to ask of a region: the other side, a finding set by hand, the region hidden.
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { inOrder } from "../answers";
import type { Box, Presence } from "../model";
import { answer, regionNamed } from "../store";
import { post, type Comparison, type Difference } from "./api";
import { edit, isBlind, isLive, session, settings, told } from "./room";
import { startWriting } from "./Editor";

const comparison = signal<Comparison | null>(null);
const difference = signal<(Difference & { title: string; set?: Record<string, Record<string, Presence>> }) | null>(null);
export const hiddenBox = signal<Box | null>(null);

export function Asking(): JSX.Element | null {
  const asked = answer.value;
  const [isSetting, setSetting] = useState(false);
  const place = asked?.region || JSON.stringify(asked?.box ?? "");
  useEffect(() => {
    comparison.value = difference.value = hiddenBox.value = null;
    setSetting(false);
  }, [place]);
  if (!isLive.value || !asked || (!asked.region && !asked.box)) return null;
  const other = regionNamed(asked.region)?.other;
  return (
    <div class="asking">
      <span class="row">
        {other && regionNamed(other) && !isBlind.value && (
          <button type="button" onClick={() => void compare(asked.region)}>
            Compare sides
          </button>
        )}
        {asked.region && !isBlind.value && (
          <button type="button" aria-expanded={isSetting} onClick={() => setSetting(!isSetting)}>
            Set a finding
          </button>
        )}
        {!isBlind.value && (
          <button type="button" title="What would the report say without it?" onClick={() => void hide()}>
            Hide
          </button>
        )}
        <button type="button" onClick={startWriting}>
          Write about it
        </button>
      </span>
      {isSetting && <SetFinding region={asked.region} />}
      <Sides />
      <Changes />
    </div>
  );
}

async function compare(region: string): Promise<void> {
  const id = session.value?.id;
  await told(async () => {
    comparison.value = await post<Comparison>(`sessions/${id}/compare`, { region });
  });
}

async function hide(): Promise<void> {
  const [id, asked] = [session.value?.id, answer.value];
  if (!asked) return;
  await told(async () => {
    difference.value = { title: "Reading without it …", gone: [], new: [], document: null! };
    const place = asked.box ? { box: asked.box } : { region: asked.region };
    const found = await post<Difference>(`sessions/${id}/hide`, place).catch((error: Error) => {
      difference.value = null;
      throw error;
    });
    difference.value = { ...found, title: `Without ${asked.region || "the marked area"} the report would change` };
    hiddenBox.value = found.hidden ?? null;
  });
}

function Sides(): JSX.Element | null {
  const found = comparison.value;
  if (!found) return null;
  return (
    <div class="sides" role="group" aria-label="Both sides compared">
      {found.documents.map((said, at) => (
        <section>
          <h3>{found.names[at]}</h3>
          <ul>
            {inOrder(said.sentences.filter((item) => item.section === "findings")).map((sentence) => (
              <li class={sentence.kind}>{sentence.text}</li>
            ))}
          </ul>
        </section>
      ))}
      <p class={found.differences.length ? "differ" : "faint"}>
        {found.differences.length
          ? `They differ in: ${found.differences.map(({ label, presences }) => `${label} (${presences.map((item) => item ?? "not stated").join(" / ")})`).join(", ")}.`
          : "They do not differ in any finding that is stated."}
      </p>
    </div>
  );
}

/** What a report would lose and gain. */
function Changes(): JSX.Element | null {
  const found = difference.value;
  if (!found) return null;
  const isSame = found.document && !found.gone.length && !found.new.length;
  return (
    <div class="changes" aria-live="polite">
      <h3>{found.title}</h3>
      {isSame && <p class="faint">Not at all.</p>}
      <ul>
        {found.gone.map((text) => (
          <li>
            <del>{text}</del>
          </li>
        ))}
        {found.new.map((text) => (
          <li>
            <ins>{text}</ins>
          </li>
        ))}
      </ul>
      {found.set && (
        <button type="button" class="main" onClick={() => void edit({ do: "set", findings: found.set }).then((done) => done && (difference.value = null))}>
          Take over
        </button>
      )}
    </div>
  );
}

function SetFinding({ region }: { region: string }): JSX.Element {
  const labels = settings.value?.findings ?? [];
  const own = session.value?.set[region] ?? {};
  const [label, setLabel] = useState(labels[0] ?? "");
  const [presence, setPresence] = useState<Presence>("present");
  const tell = async (): Promise<void> => {
    const findings = { [region]: { [label]: presence } };
    await told(async () => {
      const found = await post<Difference>(`sessions/${session.value?.id}/whatif`, { findings });
      difference.value = { ...found, title: `With ${label} ${presence} in the ${region}`, set: findings };
    });
  };
  return (
    <form
      class="set"
      onSubmit={(event) => {
        event.preventDefault();
        void tell();
      }}
    >
      <select aria-label="Finding" value={label} onChange={(event) => setLabel(event.currentTarget.value)}>
        {labels.map((item) => (
          <option>{item}</option>
        ))}
      </select>
      <select aria-label="Presence" value={presence} onChange={(event) => setPresence(event.currentTarget.value as Presence)}>
        {(settings.value?.presences ?? []).map((item) => (
          <option>{item}</option>
        ))}
      </select>
      <button type="submit">What would it say?</button>
      {Object.entries(own).map(([set, as]) => (
        <p class="faint">
          Set by hand: {set} {as}.{" "}
          <button type="button" class="link" onClick={() => void edit({ do: "set", findings: { [region]: { [set]: null } } })}>
            Take it back
          </button>
        </p>
      ))}
    </form>
  );
}
