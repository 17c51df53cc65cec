"""How close words are to a reference's words, by a named package.

BLEU, ROUGE-L, CIDEr and METEOR come from pycocoevalcap (extra `evaluate`), as in most papers on
report generation. METEOR is Denkowski and Lavie's own Java program, version 1.5, in that package;
other libraries' METEOR differs by many points, so without Java it is not computed at all.

Tokens: lower case, runs of letters and digits (with inner hyphens, apostrophes and decimal points),
and each other mark for itself. pycocoevalcap's own PTB tokenizer needs Java and drops punctuation;
`tokenizer="ptb"` uses it. Scores of different tokenizers cannot be compared.
"""

from __future__ import annotations

import importlib
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from grounded.errors import InvalidValueError

Tokenizer = Literal["words", "ptb"]
NAMES = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr")
PACKAGE = "pycocoevalcap"
_TOKEN = re.compile(r"[^\W_]+(?:[-'.][^\W_]+)*|[^\w\s]|_+")
_NO_PACKAGE = "not computed: needs pycocoevalcap (pip install 'grounded[evaluate]')"
_NO_JAVA = "not computed: Java missing"


@dataclass(frozen=True, slots=True)
class TextScore:
    """A score with what computed it; value is None when it was not, and `how` says why.

    each: of each report, where the score is their mean; BLEU is none, it counts all words together.
    """

    name: str
    value: float | None
    how: str
    each: tuple[float, ...] = ()


def text_scores(
    written: Sequence[str], references: Sequence[str], tokenizer: Tokenizer = "words"
) -> list[TextScore]:
    """BLEU-1..4, METEOR, ROUGE-L and CIDEr of a corpus, in the order of `NAMES`.

    Raises InvalidValueError for none, for unequal numbers, and for "ptb" without Java.
    """
    if not written or len(written) != len(references):
        raise InvalidValueError(
            f"expected as many reports as references, at least one; "
            f"got {len(written)} and {len(references)}"
        )
    try:
        release = f"{PACKAGE} {version(PACKAGE)}"
    except PackageNotFoundError:
        return [TextScore(name, None, _NO_PACKAGE) for name in NAMES]
    said = _tokenized(written, tokenizer)
    true = _tokenized(references, tokenizer)
    how = f"{release}, {tokenizer} tokens"
    bleu, _ = _scorer("bleu.bleu", "Bleu")(4).compute_score(true, said, verbose=0)
    rouge, rouges = _scorer("rouge.rouge", "Rouge")().compute_score(true, said)
    cider, ciders = _scorer("cider.cider", "Cider")().compute_score(true, said)
    values = [TextScore(name, float(v), how) for name, v in zip(NAMES[:4], bleu, strict=True)]
    values.append(_meteor(true, said, how))
    values.append(TextScore("ROUGE-L", float(rouge), how, tuple(map(float, rouges))))
    values.append(TextScore("CIDEr", float(cider), how, tuple(map(float, ciders))))
    return values


def tokens(text: str) -> list[str]:
    """The words and marks of a text, as the "words" tokenizer has them."""
    return _TOKEN.findall(text.lower())


def _scorer(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"{PACKAGE}.{module}"), name)


def _tokenized(texts: Sequence[str], tokenizer: Tokenizer) -> dict[int, list[str]]:
    if tokenizer == "words":
        return {number: [" ".join(tokens(text))] for number, text in enumerate(texts)}
    if shutil.which("java") is None:
        raise InvalidValueError('the "ptb" tokenizer needs Java; use "words", or install Java')
    captions = {number: [{"caption": text}] for number, text in enumerate(texts)}
    split: dict[int, list[str]] = _scorer("tokenizer.ptbtokenizer", "PTBTokenizer")().tokenize(
        captions
    )
    return split


def _meteor(true: dict[int, list[str]], said: dict[int, list[str]], how: str) -> TextScore:
    if shutil.which("java") is None:
        return TextScore("METEOR", None, _NO_JAVA)
    meteor = _scorer("meteor.meteor", "Meteor")()
    try:
        value, _ = meteor.compute_score(true, said)
    except (ValueError, OSError) as error:  # the Java program ended, or wrote something else
        return TextScore("METEOR", None, f"not computed: the Java program failed ({error})")
    finally:
        _end(meteor)
    return TextScore("METEOR", float(value), f"METEOR 1.5 (Java) in {how}")


def _end(meteor: Any) -> None:
    """End the Java program and close its pipes; the package leaves them to chance."""
    process = meteor.meteor_p
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        try:
            pipe.close()
        except OSError:  # unwritten input of a program that has ended
            continue
