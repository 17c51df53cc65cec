// The kind of a sentence in a word and a shape, never by colour alone.
import type { JSX } from "preact";
import type { Kind } from "../model";

export const WORDS: Record<Kind, string> = {
  abnormal: "abnormal",
  uncertain: "uncertain",
  withheld: "withheld",
  open: "not assessed",
  normal: "normal",
};

export function Badge({ kind }: { kind: Kind }): JSX.Element {
  return <b class={`badge ${kind}`}>{WORDS[kind]}</b>;
}
