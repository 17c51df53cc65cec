// The keys that only the live page has.
import { addKeys } from "../keys";
import { askBox } from "../answers";
import { resized, toFilm } from "../geometry";
import { doc, drawn, stage, tool, view } from "../store";
import { editing, move, pinnedSentence, rejecting } from "./Actions";
import { startWriting } from "./Editor";
import { drawer, edit, isBlind, lineOf, session } from "./room";
import { chooseFiles } from "./Shelf";

export function addLiveKeys(): void {
  addKeys([
    { keys: ["b"], group: "Film", says: "box: draw one, or with arrows (shift: its size, Enter: ask)", does: startBox },
    { keys: ["a"], group: "Report", says: "accept the pinned sentence", does: () => onLine((id) => !isBlind.value && void edit({ do: "accept", line: id })) },
    { keys: ["x"], group: "Report", says: "reject it", does: () => onLine((id) => (rejecting.value = id)) },
    { keys: ["e"], group: "Report", says: "edit it", does: () => onLine((id) => (editing.value = id)) },
    { keys: [","], group: "Report", says: "move it up", does: () => moved(-1) },
    { keys: ["."], group: "Report", says: "move it down", does: () => moved(1) },
    { keys: ["shift+a"], group: "Report", says: "accept all that is open", does: () => !isBlind.value && void edit({ do: "accept_all" }) },
    { keys: ["g"], group: "Report", says: "add a sentence about the place that is marked", does: () => session.value && startWriting() },
    { keys: ["u", "ctrl+z"], group: "Report", says: "undo", does: () => session.value?.undo && void edit({ do: "undo" }) },
    { keys: ["shift+u", "ctrl+y", "ctrl+shift+z"], group: "Report", says: "redo", does: () => session.value?.redo && void edit({ do: "redo" }) },
    { keys: ["f"], group: "Page", says: "open films", does: chooseFiles },
    { keys: ["s"], group: "Page", says: "saved films", does: () => (drawer.value = !drawer.value) },
  ]);
}

function onLine(does: (id: string) => void): void {
  const sentence = pinnedSentence();
  const line = sentence && lineOf(sentence);
  if (line) does(line.id);
}

function moved(by: -1 | 1): void {
  const sentence = pinnedSentence();
  if (sentence) void move(sentence, by);
}

/** The tool for boxes; a second time, a box in the middle of what is seen, to be moved by arrows. */
function startBox(): void {
  if (tool.value !== "box") {
    tool.value = "box";
    return;
  }
  const film = doc.value?.film;
  if (!film || drawn.value || !stage.value.width) return; // nothing is seen before the stage has a size
  const { width, height } = stage.value;
  const a = toFilm(view.value, film.aspect, { x: width * 0.4, y: height * 0.4 });
  const b = toFilm(view.value, film.aspect, { x: width * 0.6, y: height * 0.6 });
  drawn.value = [Math.max(a.x, 0), Math.max(a.y, 0), Math.min(b.x, film.width), Math.min(b.y, film.height)];
  document.querySelector<HTMLElement>(".stage")?.focus();
}

/** A key on the film while a box is drawn; whether it was one of the box's. */
export function boxKey(event: KeyboardEvent): boolean {
  const [box, film] = [drawn.value, doc.value?.film];
  if (!box || !film || tool.value !== "box") return false;
  if (event.key === "Enter") {
    askBox(box);
    return true;
  }
  const arrows: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const arrow = arrows[event.key];
  if (!arrow) return false;
  const step = film.width * 0.01;
  const by = { x: arrow[0] * step, y: arrow[1] * step };
  drawn.value = resized(box, event.shiftKey ? "se" : "move", by, film);
  return true;
}
