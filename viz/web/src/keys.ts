// Every key of the page in one table: it is what is listened to and what the sheet behind "?" shows.
import { askNext } from "./answers";
import { fullSize, invert } from "./film/Toolbar";
import { zoomBy } from "./film/Stage";
import { clear, doc, findings, fit, heats, impression, opacity, outlines, pin, pinned, resetView, showLabels, spoken, tool } from "./store";
import { copyText, help, switchTheme } from "./chrome";

export interface Key {
  keys: string[]; // as KeyboardEvent.key has them, in small letters; "ctrl+z" with the control key
  says: string;
  group: "Film" | "Report" | "Page";
  does: () => void;
}

const own: Key[] = [
  { keys: ["v"], group: "Film", says: "point: click asks, drag moves", does: () => (tool.value = "point") },
  { keys: ["w"], group: "Film", says: "window: drag for contrast and brightness", does: () => (tool.value = "window") },
  { keys: ["m"], group: "Film", says: "measure: draw a ruler", does: () => (tool.value = "ruler") },
  { keys: ["+", "="], group: "Film", says: "zoom in", does: () => zoomBy(1.4) },
  { keys: ["-"], group: "Film", says: "zoom out", does: () => zoomBy(1 / 1.4) },
  { keys: ["0"], group: "Film", says: "fit the whole film", does: fit },
  { keys: ["1"], group: "Film", says: "full size", does: fullSize },
  { keys: ["i"], group: "Film", says: "invert", does: invert },
  { keys: ["r"], group: "Film", says: "reset window, zoom and rulers", does: resetView },
  { keys: ["o"], group: "Film", says: "marks: findings, all, none", does: () => (outlines.value = turned(outlines.value, ["findings", "all", "none"])) },
  { keys: ["h"], group: "Film", says: "heat: pointed at, all, none", does: () => (heats.value = turned(heats.value, ["pointed", "all", "none"])) },
  { keys: ["l"], group: "Film", says: "labels", does: () => (showLabels.value = !showLabels.value) },
  { keys: ["["], group: "Film", says: "fainter heat", does: () => (opacity.value = Math.max(0.1, opacity.value - 0.1)) },
  { keys: ["]"], group: "Film", says: "stronger heat", does: () => (opacity.value = Math.min(1, opacity.value + 0.1)) },
  { keys: ["n"], group: "Film", says: "the next of the regions where you clicked", does: () => askNext() },
  { keys: ["j"], group: "Report", says: "next sentence", does: () => step(1) },
  { keys: ["k"], group: "Report", says: "previous sentence", does: () => step(-1) },
  { keys: ["c"], group: "Report", says: "copy the report as text", does: () => void copyText() },
  { keys: ["escape"], group: "Page", says: "let go of everything", does: letGo },
  { keys: ["t"], group: "Page", says: "dark or light", does: switchTheme },
  { keys: ["?"], group: "Page", says: "this sheet", does: () => (help.value = !help.value) },
];

const more: Key[] = [];

export function allKeys(): Key[] {
  return [...own, ...more];
}

export function addKeys(keys: Key[]): void {
  more.push(...keys);
}

function turned<T>(value: T, order: T[]): T {
  return order[(order.indexOf(value) + 1) % order.length];
}

function letGo(): void {
  help.value = false;
  clear();
  spoken.value = "Nothing pinned.";
}

/** Pin the next sentence in reading order: impression, then findings. */
function step(by: number): void {
  if (!doc.value) return;
  const order = [...impression.value, ...findings.value];
  if (!order.length) return;
  const last = pinned.value?.kind === "sentence" ? pinned.value.number : null;
  const at = order.findIndex((item) => item.number === last);
  const next = order[at < 0 ? (by > 0 ? 0 : order.length - 1) : (at + by + order.length) % order.length];
  pin({ kind: "sentence", number: next.number });
  spoken.value = `${next.text} Stands on: ${next.regions.join(", ")}.`;
  document.querySelector(`[data-sentence="${next.number}"]`)?.scrollIntoView({ block: "nearest" });
}

export function listen(): void {
  document.addEventListener("keydown", (event) => {
    const at = event.target as Element;
    const writes = at.matches("input:not([type=checkbox]):not([type=range]), textarea, select, [contenteditable]");
    if ((writes && event.key !== "Escape") || event.altKey || event.defaultPrevented) return;
    const control = event.ctrlKey || event.metaKey;
    const isLetter = /^[a-z]$/i.test(event.key);
    const name = `${control ? "ctrl+" : ""}${event.shiftKey && isLetter ? "shift+" : ""}${event.key.toLowerCase()}`;
    const found = allKeys().find((item) => item.keys.includes(name));
    if (!found) return;
    event.preventDefault();
    found.does();
  });
}
