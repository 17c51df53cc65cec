// Where the page starts: a report inside of it is shown as it is; without one, the server is asked.
import { render } from "preact";
import { App } from "./App";
import { preparePrinting, startTheme } from "./chrome";
import { Pixels } from "./film/pixels";
import { listen } from "./keys";
import type { Document } from "./model";
import { addLiveKeys } from "./live/keys";
import { start } from "./live/room";
import { takeDrops } from "./live/Shelf";
import "./page.css";
import { decodeGrey, fromBase64 } from "./png";
import { doc, pixels, windowAs } from "./store";

/** A report that Python has written into the page. */
function inside(): Document | null {
  const text = document.getElementById("document")?.textContent;
  return text ? (JSON.parse(text) as Document) : null;
}

async function showFilm(report: Document): Promise<void> {
  const text = document.getElementById("film")?.textContent;
  if (!text) return;
  const own = new Pixels(report.film.width, report.film.height);
  pixels.value = own;
  windowAs(report.film);
  const { width, height, pixels: grey } = await decodeGrey(fromBase64(text.trim()));
  own.whole(width, height, grey);
}

const room = document.getElementById("room") as HTMLElement;
const report = inside();
startTheme();
if (report) {
  doc.value = report;
  document.documentElement.classList.add("static");
  void showFilm(report);
} else {
  addLiveKeys();
  takeDrops();
  void start();
}
room.replaceChildren();
render(<App />, room);
listen();
preparePrinting();
