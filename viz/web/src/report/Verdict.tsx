// What the audit found: a word, a sign and a line style for each verdict, never a colour alone.
import type { JSX } from "preact";
import type { Sentence, Verdict } from "../model";
import { doc } from "../store";

const LOOKS: Record<Verdict, { name: string; sign: string; means: string }> = {
  supported: { name: "supported", sign: "●", means: "falls when its own place is altered, by that place" },
  "weakly supported": { name: "weak", sign: "◐", means: "so, but less than surely" },
  "not by its region": { name: "elsewhere", sign: "○", means: "changes with the film, not by its own place" },
  "does not use the image": { name: "unused", sign: "✕", means: "nothing done to the film changed it" },
  "not audited": { name: "unaudited", sign: "–", means: "states no finding, or names no place" },
};

/** The class that gives a sentence the colour and line of its verdict; "" without an audit. */
export function looks(sentence: Sentence): string {
  return sentence.verdict ? `verdict ${LOOKS[sentence.verdict].name}` : "";
}

/** The verdict's sign alone, for sentences that are run together. */
export function Sign({ sentence }: { sentence: Sentence }): JSX.Element | null {
  if (!sentence.verdict) return null;
  return (
    <span class={`sign ${looks(sentence)}`} role="img" aria-label={`Audit: ${sentence.verdict}.`} title={sentence.verdict}>
      {LOOKS[sentence.verdict].sign}
    </span>
  );
}

export function VerdictBadge({ sentence }: { sentence: Sentence }): JSX.Element | null {
  if (!sentence.verdict) return null;
  return (
    <b class={`badge ${looks(sentence)}`} title={sentence.checks.join("\n")}>
      {LOOKS[sentence.verdict].sign} {sentence.verdict}
    </b>
  );
}

/** What the colours mean, and what was measured over the whole report. */
export function Audited(): JSX.Element | null {
  const audit = doc.value?.audit;
  if (!audit) return null;
  const checks = doc.value!.sentences.flatMap((item) => item.checks);
  return (
    <section class="audited" aria-labelledby="title-audit">
      <h3 id="title-audit">Audit: what each sentence rests on</h3>
      <ul class="legend">
        {Object.entries(LOOKS).map(([verdict, { name, sign, means }]) => (
          <li class={`verdict ${name}`}>
            <b>
              {sign} {verdict}
            </b>{" "}
            <span class="faint">{means}</span>
          </li>
        ))}
      </ul>
      <p class="faint">Supported does not mean true: a generator may look at the right place and be wrong about it.</p>
      <details>
        <summary>Numbers</summary>
        <ul class="plain">
          {Object.entries(audit.measures).map(([name, share]) => (
            <li>
              {name}: {share}
            </li>
          ))}
          {checks.map((line) => (
            <li>{line}</li>
          ))}
          {audit.notes.map((note) => (
            <li class="faint">{note}</li>
          ))}
        </ul>
      </details>
    </section>
  );
}
