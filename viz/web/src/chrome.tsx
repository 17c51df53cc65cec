// What stands around film and report: theme, help, copying, printing, the notice.
import { batch, signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { paintNow } from "./film/Stage";
import type { Size, View } from "./geometry";
import { doc, fit, findings, impression, isFitted, printing, setView, spoken, stage, view } from "./store";
import type { Key } from "./keys";

export const help = signal(false);
export const theme = signal<"dark" | "light">("dark");

export function switchTheme(): void {
  setTheme(theme.value === "dark" ? "light" : "dark");
}

export function setTheme(to: "dark" | "light"): void {
  theme.value = to;
  document.documentElement.dataset.theme = to;
  try {
    localStorage.setItem("theme", to);
  } catch {
    // a sandboxed page has no storage
  }
}

export function startTheme(): void {
  let kept = null;
  try {
    kept = localStorage.getItem("theme");
  } catch {
    // a sandboxed page has no storage
  }
  setTheme(kept === "light" ? "light" : "dark");
}

/** The report as plain text, as it would be pasted into a report system. */
export function reportText(): string {
  const report = doc.value;
  if (!report) return "";
  const lines = (title: string, said: { text: string }[]): string => `${title}\n${said.map((item) => item.text).join("\n")}\n`;
  return [lines("FINDINGS", findings.value), lines("IMPRESSION", impression.value), report.notice].join("\n");
}

export async function copyText(): Promise<void> {
  const text = reportText();
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyOldWay(text); // a file: page has no clipboard
  }
  spoken.value = "The report is copied as text.";
}

function copyOldWay(text: string): void {
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

const PAPER: Size = { width: 560, height: 620 }; // what a film may take of a sheet, CSS pixels

/** For paper the film is fitted into a place of its own size, and all heat of findings is shown. */
export function preparePrinting(): void {
  let kept: { view: View; fitted: boolean; stage: Size } | null = null;
  window.addEventListener("beforeprint", () => {
    const film = doc.value?.film;
    if (!film) return;
    kept ??= { view: view.value, fitted: isFitted.value, stage: stage.value };
    const scale = Math.min(PAPER.width / film.width, PAPER.height / (film.height * film.aspect));
    const [width, height] = [Math.round(film.width * scale), Math.round(film.height * film.aspect * scale)];
    const page = document.documentElement.style;
    page.setProperty("--paper-width", `${width}px`);
    page.setProperty("--paper-height", `${height}px`);
    batch(() => {
      printing.value = true;
      stage.value = { width, height };
      fit();
    });
    paintNow();
  });
  window.addEventListener("afterprint", () => {
    const before = kept;
    kept = null;
    if (!before) return;
    batch(() => {
      printing.value = false;
      stage.value = before.stage;
      if (before.fitted) fit();
      else setView(before.view);
    });
  });
}

export function Notice(): JSX.Element {
  return (
    <p class="notice" role="note">
      <strong>AI-generated, unverified.</strong>{" "}
      {doc.value?.notice ?? "AI-generated draft for review by a qualified reader; not a medical device."}
    </p>
  );
}

export function Help({ keys }: { keys: Key[] }): JSX.Element | null {
  const sheet = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (help.value && !sheet.current?.open) sheet.current?.showModal();
    if (!help.value && sheet.current?.open) sheet.current.close();
  }, [help.value]);
  const groups = [...new Set(keys.map((item) => item.group))];
  return (
    <dialog class="help" ref={sheet} aria-labelledby="title-help" onClose={() => (help.value = false)}>
      <header>
        <h2 id="title-help">Keys</h2>
        <button type="button" class="icon" aria-label="Close" onClick={() => (help.value = false)}>
          ×
        </button>
      </header>
      <div class="columns">
        {groups.map((group) => (
          <section>
            <h3>{group}</h3>
            <dl>
              {keys.filter((item) => item.group === group).map((item) => (
                <>
                  <dt>
                    {item.keys.slice(0, 2).map((key) => (
                      <kbd>{shown(key)}</kbd>
                    ))}
                  </dt>
                  <dd>{item.says}</dd>
                </>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <p class="faint">
        Tab goes through the page; on the film, Tab reaches its regions, arrows go from one to the next and Enter asks. The wheel or
        two fingers zoom, the right button windows. Double click: closer, and back.
      </p>
    </dialog>
  );
}

function shown(key: string): string {
  const name = key.replace("ctrl+", "Ctrl ").replace("shift+", "Shift ");
  return name === "escape" ? "Esc" : name.length === 1 ? name.toUpperCase() : name;
}
