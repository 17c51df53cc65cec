// The live page's state: the session that is open, the list of all, and what is done to them.
import { batch, computed, signal } from "@preact/signals";
import { answerFrom, closeAnswer } from "../answers";
import { Pixels, tilesOf } from "../film/pixels";
import type { Document, Said, Sentence } from "../model";
import { answer, clear, doc, isFitted, fit, pinned, pixels, rulers, spoken, windowAs } from "../store";
import { get, greys, patch, post, Refusal, remove, sendFilm, type Edit, type Line, type Session, type Settings, type Summary } from "./api";

export const isLive = signal(false);
export const settings = signal<Settings | null>(null);
export const session = signal<Session | null>(null);
export const list = signal<Summary[]>([]);
export const total = signal(0);
export const shelf = signal<{ id: number; name: string }[]>([]);
export const search = signal("");
export const drawer = signal(false); // the list of films over the page
export const readFirst = signal(false);
export const reader = signal("");
export const institution = signal("");
export const trouble = signal(""); // the last thing that went wrong, in words
export const busy = signal(0);

export interface Upload {
  key: number;
  file: File;
  state: "sending" | "refused";
  reason: string;
  canForce: boolean;
}

export const uploads = signal<Upload[]>([]);
let keys = 0;

/** In read-first mode, before the draft is shown. */
export const isBlind = computed(() => !!session.value?.read_first && !session.value.revealed);

/** The line of a sentence of the report; undefined in a static page. */
export function lineOf(sentence: Sentence): Line | undefined {
  const at = doc.value?.sentences.indexOf(sentence) ?? -1;
  return at < 0 ? undefined : session.value?.lines[at];
}

/** Start: settings, list, events, and the session that the address names. */
export async function start(): Promise<void> {
  isLive.value = true;
  reader.value = stored("reader");
  institution.value = stored("institution");
  answerFrom({
    region: (name) => ask({ region: name }),
    box: (box) => ask({ box: box.map((value) => Math.round(value * 10) / 10) }),
  });
  window.addEventListener("popstate", () => void follow());
  await told(async () => {
    settings.value = await get<Settings>("settings");
    readFirst.value = settings.value.read_first;
    shelf.value = await get<{ id: number; name: string }[]>("shelf");
    await Promise.all([refreshList(), follow()]);
  });
  listenToEvents();
}

async function ask(question: object): Promise<Said> {
  const own = session.value;
  if (!own) throw new Error("No film is open.");
  return (await post<{ document: Document }>(`sessions/${own.id}/ask`, question)).document;
}

/** Run something; what goes wrong is said in words on the page. */
export async function told(work: () => Promise<unknown>): Promise<boolean> {
  busy.value += 1;
  try {
    await work();
    trouble.value = "";
    return true;
  } catch (error) {
    if (error instanceof Refusal && error.status === 409 && error.body.session) {
      show(error.body.session);
      trouble.value = "The report was changed in another window meanwhile; please do it again.";
    } else trouble.value = (error as Error).message;
    return false;
  } finally {
    busy.value -= 1;
  }
}

async function follow(): Promise<void> {
  const id = /^\/s\/([\w-]+)$/.exec(location.pathname)?.[1];
  if (id) await open(id, false);
  else close(false);
}

export async function open(id: string, push = true): Promise<void> {
  await told(async () => show(await get<Session>(`sessions/${id}`), push));
}

export function close(push = true): void {
  batch(() => {
    session.value = null;
    doc.value = null;
    pixels.value = null;
    clear();
  });
  document.title = "Reading room";
  if (push) history.pushState(null, "", "/");
}

/** Show a session: as a new one, or as the next state of the one that is open. */
export function show(next: Session, push = false): void {
  const last = session.value;
  const isNew = last?.id !== next.id;
  const kept = pinned.value?.kind === "sentence" ? lineAt(last, doc.value, pinned.value.number) : undefined;
  batch(() => {
    session.value = next;
    doc.value = next.document ?? bare(next);
    if (isNew) {
      clear();
      rulers.value = [];
      windowAs(next.film);
      isFitted.value = true;
      fetchFilm(next);
    } else if (last && last.film.sha256 !== next.film.sha256) {
      // the film was turned over when it was read: its pixels are others now
      windowAs(next.film);
      isFitted.value = true;
      fetchFilm(next);
    } else if (kept) {
      const at = next.lines.findIndex((line) => line.id === kept);
      pinned.value = at < 0 ? null : { kind: "sentence", number: next.document!.sentences[at].number };
    }
  });
  if (isNew || last?.film.sha256 !== next.film.sha256) fit();
  if (isNew) {
    document.title = `${next.name || "Film"} · reading room`;
    if (push) history.pushState(null, "", `/s/${next.id}`);
    drawer.value = false;
    // what happened before this film was the open one was not heard
    if (next.status === "reading") void refreshed();
  }
}

function lineAt(own: Session | null, report: Document | null, number: number): string | undefined {
  const at = report?.sentences.findIndex((item) => item.number === number) ?? -1;
  return own?.lines[at]?.id;
}

/** A film that no report is known of yet. */
function bare(own: Session): Document {
  return {
    schema: 1,
    title: "Chest film",
    notice: settings.value?.notice ?? "",
    film: own.film,
    regions: [],
    missing: {},
    sentences: [],
    measurements: [],
    heat: null,
    scope: { assessed: {}, not_assessed: [] },
    audit: null,
    removed: [],
    provenance: { version: settings.value?.version ?? "", preset: "", detector: "", generator: "", explainer: "", composer: "", weights_sha256: {} },
    answers: {},
  };
}

/** The preview first, then the tiles, those of the middle before the others. */
function fetchFilm(own: Session): void {
  const film = new Pixels(own.film.width, own.film.height);
  pixels.value = film;
  const isCurrent = (): boolean => pixels.value === film;
  const [cx, cy] = [own.film.width / 2, own.film.height / 2];
  const far = ([x0, y0, x1, y1]: number[]): number => Math.hypot((x0 + x1) / 2 - cx, (y0 + y1) / 2 - cy);
  void told(async () => {
    const preview = await greys(`sessions/${own.id}/preview`);
    if (!isCurrent()) return;
    film.preview(preview.width, preview.height, preview.pixels);
    if (preview.width === film.width && preview.height === film.height) return;
    for (const { inner, outer } of tilesOf(film.width, film.height).sort((a, b) => far(a.inner) - far(b.inner))) {
      const [x0, y0, x1, y1] = outer;
      const tile = await greys(`sessions/${own.id}/film?x0=${x0}&y0=${y0}&x1=${x1}&y1=${y1}`);
      if (!isCurrent()) return;
      film.tile(x0, y0, tile.width, tile.height, inner, tile.pixels);
    }
  });
}

export async function refreshList(): Promise<void> {
  const query = new URLSearchParams({ q: search.value, limit: "60" });
  const found = await get<{ total: number; sessions: Summary[] }>(`sessions?${query}`);
  batch(() => {
    list.value = found.sessions;
    total.value = found.total;
  });
}

/** Send films one after the other; the first of them is opened. */
export async function openFiles(files: Iterable<File>, force = false): Promise<void> {
  let isFirst = true;
  for (const file of files) {
    const key = ++keys;
    uploads.value = [...uploads.value, { key, file, state: "sending", reason: "", canForce: false }];
    try {
      const next = await sendFilm(file, force, readFirst.value);
      drop(key);
      if (isFirst) show(next, true);
      isFirst = false;
    } catch (error) {
      const canForce = error instanceof Refusal && !!error.body.can_force;
      uploads.value = uploads.value.map((item) =>
        item.key === key ? { ...item, state: "refused", reason: (error as Error).message, canForce } : item,
      );
      spoken.value = `${file.name}: ${(error as Error).message}`;
    }
  }
  await refreshList().catch(() => undefined);
}

export function drop(key: number): void {
  uploads.value = uploads.value.filter((item) => item.key !== key);
}

export async function openFromShelf(id: number): Promise<void> {
  const query = `force=0&read_first=${readFirst.value ? 1 : 0}`;
  await told(async () => show(await post<Session>(`shelf/${id}?${query}`), true));
}

export async function readAnyway(): Promise<void> {
  const own = session.value;
  if (own) await told(async () => show(await post<Session>(`sessions/${own.id}/read`, { force: true })));
}

export async function deleteSession(id: string): Promise<void> {
  await told(async () => {
    await remove(`sessions/${id}`);
    if (session.value?.id === id) close();
    await refreshList();
  });
}

export async function rename(name: string): Promise<void> {
  const own = session.value;
  if (own && name.trim() && name !== own.name)
    await told(async () => show(await patch<Session>(`sessions/${own.id}`, { name: name.trim() })));
}

/** Try what each sentence rests on: it waits its turn, and its verdicts come with the next state. */
export async function auditReport(): Promise<void> {
  const own = session.value;
  if (own && (await told(async () => show(await post<Session>(`sessions/${own.id}/audit`))))) spoken.value = "The audit is waiting its turn.";
}

/** Change the report. All edits go this way; what comes back is the whole new state. */
export async function edit(change: Edit): Promise<boolean> {
  const own = session.value;
  if (!own) return false;
  const body = { revision: own.revision, by: reader.value, edit: change };
  return told(async () => show(await post<Session>(`sessions/${own.id}/edits`, body)));
}

export async function take(number: number): Promise<void> {
  const asked = answer.value;
  if (!asked) return;
  const question = asked.box ? { box: asked.box } : { region: asked.region };
  if (await edit({ do: "take", ask: question, number })) {
    closeAnswer();
    spoken.value = "Taken into the report.";
  }
}

export function signAs(name: string): void {
  reader.value = name;
  store("reader", name);
}

/** Take the whole report over, as who vouches for it. */
export async function signReport(name: string, at: string): Promise<boolean> {
  signAs(name);
  institution.value = at;
  store("institution", at);
  return edit({ do: "sign", name, institution: at });
}

function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // without storage it is asked again
  }
}

function stored(key: string): string {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function listenToEvents(): void {
  const events = new EventSource("/api/events");
  events.addEventListener("hello", () => void refreshed());
  events.addEventListener("session", (event) => {
    const news = JSON.parse((event as MessageEvent<string>).data) as { id: string; revision: number; status: string; stage: string };
    const own = session.value;
    if (news.status === "deleted" && own?.id === news.id) close();
    else if (own?.id === news.id && (own.revision !== news.revision || own.status !== news.status || own.stage !== news.stage)) void refreshed();
    void refreshList().catch(() => undefined);
  });
}

let isRefreshing = false;
let isStale = false;

/** The open session as the server has it now. One question at a time, so that an old answer never comes last. */
async function refreshed(): Promise<void> {
  isStale = true;
  if (isRefreshing) return;
  isRefreshing = true;
  try {
    while (isStale) {
      isStale = false;
      await refreshOnce();
    }
  } finally {
    isRefreshing = false;
  }
}

async function refreshOnce(): Promise<void> {
  const id = session.value?.id;
  if (!id) return;
  const next = await get<Session>(`sessions/${id}`).catch(() => null);
  const own = session.value;
  if (!next || own?.id !== id) return;
  if (next.revision < own.revision) return;
  show(next);
}
