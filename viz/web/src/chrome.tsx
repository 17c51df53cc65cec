// What stands around film and report: theme, help, copying, printing, the notice.
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { doc, fit, findings, impression, isFitted, printing, setView, spoken, view } from "./store";
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

/** For paper the film is fitted, and all heat of findings is shown. */
export function preparePrinting(): void {
  let kept: { view: typeof view.value; fitted: boolean } | null = null;
  window.addEventListener("beforeprint", () => {
    kept = { view: view.value, fitted: isFitted.value };
    fit();
    printing.value = true;
  });
  window.addEventListener("afterprint", () => {
    printing.value = false;
    if (kept && !kept.fitted) setView(kept.view);
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
                    {item.keys.map((key) => (
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
