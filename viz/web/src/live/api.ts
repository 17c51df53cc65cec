// The server's side of the contract: its values, and one way to ask it.
import type { Box, Document, FilmInfo, Presence } from "../model";

export type Status = "reading" | "ready" | "refused" | "failed" | "deleted";

export interface Warning {
  kind: string;
  words: string;
  line: string | null;
}

/** What has become of a sentence of the report; one for each, in the same order. */
export interface Line {
  id: string;
  status: "open" | "accepted" | "rejected" | "supplemented";
  edited: boolean;
  draft: string | null;
  reason: string;
  by: string;
  at: string;
  warnings: Warning[];
}

export interface Rejected extends Line {
  text: string;
  section: string;
  regions: string[];
}

export interface Act {
  at: string;
  by: string;
  act: string;
  text: string;
  reason: string;
}

export interface Session {
  id: string;
  revision: number;
  name: string;
  created: string;
  changed: string;
  status: Status;
  stage: "" | "waiting" | "regions" | "report" | "audit";
  reason: string;
  can_force: boolean;
  read_first: boolean;
  revealed: boolean;
  film: FilmInfo & { id: string };
  document: Document | null;
  lines: Line[];
  rejected: Rejected[];
  set: Record<string, Record<string, Presence>>;
  undo: string | null;
  redo: string | null;
  history: Act[];
  acceptance: { name: string; institution: string; time: string } | null; // who has signed it
}

export interface Summary {
  id: string;
  name: string;
  changed: string;
  status: Status;
  revision: number;
  view: string;
  headline: string;
  counts: Record<"open" | "accepted" | "rejected" | "supplemented", number>;
}

export interface Settings {
  version: string;
  notice: string;
  read_first: boolean;
  feedback: boolean;
  findings: string[];
  presences: Presence[];
  exporters: { name: string; label: string; media_type: string }[];
}

export interface Difference {
  document: Document;
  gone: string[];
  new: string[];
  hidden?: Box;
}

export interface Comparison {
  names: [string, string];
  documents: [Document, Document];
  differences: { label: string; presences: [Presence | null, Presence | null] }[];
}

export interface Agreement {
  regions: {
    region: string;
    verdict: "agree" | "differ" | "reader only" | "draft only";
    reader: string[];
    draft: string[];
    findings: { label: string; reader: Presence | null; draft: Presence | null }[];
  }[];
  counts: Record<string, number>;
}

export type Edit = { do: string } & Record<string, unknown>;

/** An answer of the server that is no success, in words for a reader. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly body: { detail?: string; can_force?: boolean; session?: Session },
  ) {
    super(body.detail ?? `The server answers ${status}.`);
  }
}

async function asked(method: string, path: string, body?: BodyInit, kind?: string): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`/api/${path}`, { method, body, headers: kind ? { "Content-Type": kind } : {} });
  } catch {
    throw new Refusal(0, { detail: "The server does not answer; is it still running?" });
  }
  if (!response.ok) throw new Refusal(response.status, await response.json().catch(() => ({})));
  return response;
}

export async function get<T>(path: string): Promise<T> {
  return (await asked("GET", path)).json() as Promise<T>;
}

export async function post<T>(path: string, value: unknown = {}): Promise<T> {
  return (await asked("POST", path, JSON.stringify(value), "application/json")).json() as Promise<T>;
}

export async function patch<T>(path: string, value: unknown): Promise<T> {
  return (await asked("PATCH", path, JSON.stringify(value), "application/json")).json() as Promise<T>;
}

export async function remove(path: string): Promise<void> {
  await asked("DELETE", path);
}

export async function sendFilm(file: File, force: boolean, readFirst: boolean): Promise<Session> {
  const query = new URLSearchParams({ name: file.name, force: force ? "1" : "0", read_first: readFirst ? "1" : "0" });
  return (await asked("POST", `films?${query}`, file, "application/octet-stream")).json() as Promise<Session>;
}

/** Fetch a file and hand it to the reader's downloads; what keeps the server from making it is thrown. */
export async function saveFile(path: string): Promise<void> {
  const response = await asked("GET", path);
  const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ?? "report";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Raw greys, 16 bits, little endian, row by row. */
export async function greys(path: string): Promise<{ width: number; height: number; pixels: Uint16Array }> {
  const response = await asked("GET", path);
  const [width, height] = ["X-Width", "X-Height"].map((name) => Number(response.headers.get(name)));
  const raw = await response.arrayBuffer();
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] === 1) return { width, height, pixels: new Uint16Array(raw) };
  const view = new DataView(raw);
  return { width, height, pixels: Uint16Array.from({ length: raw.byteLength / 2 }, (_, at) => view.getUint16(2 * at, true)) };
}
