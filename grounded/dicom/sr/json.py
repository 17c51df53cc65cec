"""The structured report as JSON with business names, as DICOM Supplement 219 (PS3.22) has it.

A content item is `{name: [value, ..., [children]]}`: its name and its coded values are words made
from the meanings of their codes, and a table gives the codes back. The supplement keeps that table
in a file of its own; here it stands under "@names" in the same object, so that one file is enough.
What the supplement leaves open stands in an object before the value: "@vt" and "@rel" where a name
occurs with several value types or relationships, "@fp" for a number in double precision.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from grounded.dicom.sr.document import document
from grounded.dicom.sr.items import walk
from grounded.errors import ReportError
from grounded.report import GroundedReport

NAMES = "@names"
_TREE = ("ValueType", "ContinuityOfContent", "ContentTemplateSequence", "ConceptNameCodeSequence",
         "ContentSequence")  # fmt: skip
_TEXTS = {"TEXT": "TextValue", "UIDREF": "UID", "PNAME": "PersonName"}
_IMAGES = ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID")
_ITSELF = ("OB", "OW", "UN")
_NUMBERS = ("US", "UL", "SS", "SL", "FL", "FD")
_Code = tuple[str, str, str]


def encode(report: GroundedReport, *, uids: str = "new") -> bytes:
    """The report as JSON; its content and attributes are those of `.sr.dcm`, nothing is lost.

    uids: as for `.sr.dcm`. Raises ReportError for a report whose film did not come from DICOM.
    """
    return to_json(document(report, uids))


def to_json(dataset: Dataset) -> bytes:
    """A structured report as JSON, UTF-8. Raises ReportError for value types never written."""
    names = _Names.of(dataset)
    tree = {names.word(_code_of(dataset)): _item(dataset, names)}
    written = [{**_attributes(dataset), **tree, NAMES: names.table()}]
    return json.dumps(written, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def from_json(data: bytes) -> Dataset:
    """The structured report that `to_json` wrote. Raises ReportError for what is no such JSON."""
    try:
        [held] = json.loads(data)
        table = {word: code for entry in held.pop(NAMES) for word, code in entry.items()}
        [root] = [key for key in held if key in table and tag_for_keyword(key) is None]
        tree = _Reader(table).item(root, held.pop(root))
        read = _dataset(held)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ReportError(f"it is no structured report as JSON: {error!r}") from error
    for element in tree:
        read.add(element)
    read.file_meta = FileMetaDataset()
    read.file_meta.MediaStorageSOPClassUID = read.SOPClassUID
    read.file_meta.MediaStorageSOPInstanceUID = read.SOPInstanceUID
    read.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return read


class _Names:
    """Business names of a document, each of one code, and how each occurs as a concept name."""

    def __init__(self) -> None:
        self.words: dict[_Code, str] = {}
        self.kinds: dict[str, set[str]] = {}
        self.relations: dict[str, set[str]] = {}

    @classmethod
    def of(cls, dataset: Dataset) -> _Names:
        names = cls()
        for item in walk(dataset):
            word = names.word(_code_of(item))
            names.kinds.setdefault(word, set()).add(item.ValueType)
            relation = item.get("RelationshipType")
            names.relations.setdefault(word, set()).update([relation] if relation else [])
        return names

    def word(self, code: _Code) -> str:
        """The word for a code: its meaning in capitals, with the value where two mean the same."""
        if code not in self.words:
            value, scheme, meaning = code
            parts = meaning.split()
            cased = parts if scheme == "UCUM" else [part[:1].upper() + part[1:] for part in parts]
            word = re.sub(r"[^A-Za-z0-9]", "", "".join(cased)) or value
            taken = word in self.words.values()
            self.words[code] = f"{word}_{scheme}_{value}" if taken else word
        return self.words[code]

    def table(self) -> list[dict[str, Any]]:
        return [
            {
                word: {
                    "@cv": value,
                    "@csd": scheme,
                    "@cm": meaning,
                    **({"@vt": sorted(self.kinds[word])} if word in self.kinds else {}),
                    **({"@rel": sorted(self.relations[word])} if self.relations.get(word) else {}),
                }
            }
            for (value, scheme, meaning), word in self.words.items()
        ]


def _code_of(item: Dataset, keyword: str = "ConceptNameCodeSequence") -> _Code:
    code = item[keyword].value[0]
    value = code.get("CodeValue") or code.get("LongCodeValue") or code.get("URNCodeValue")
    return str(value), str(code.CodingSchemeDesignator), str(code.CodeMeaning)


def _item(item: Dataset, names: _Names) -> list[Any]:
    word = names.word(_code_of(item))
    attributes: dict[str, Any] = {}
    if len(names.kinds[word]) > 1:
        attributes["@vt"] = item.ValueType
    if len(names.relations[word]) > 1:
        attributes["@rel"] = item.RelationshipType
    further, values = _values(item, names)
    children = [
        {names.word(_code_of(child)): _item(child, names)}
        for child in item.get("ContentSequence", ())
    ]
    attributes |= further
    return [*([attributes] if attributes else []), *values, *([children] if children else [])]


def _values(item: Dataset, names: _Names) -> tuple[dict[str, Any], list[Any]]:
    """What stands before the value, and the value itself."""
    match item.ValueType:
        case "CONTAINER":
            return _container(item), []
        case "CODE":
            return {}, [names.word(_code_of(item, "ConceptCodeSequence"))]
        case "NUM":
            measured = item.MeasuredValueSequence[0]
            unit = names.word(_code_of(measured, "MeasurementUnitsCodeSequence"))
            exact = measured.get("FloatingPointValue")
            attributes = {} if exact is None else {"@fp": float(exact)}
            return attributes, [str(measured.NumericValue), unit]
        case "SCOORD":
            return {}, [str(item.GraphicType), [float(value) for value in item.GraphicData]]
        case "IMAGE" | "COMPOSITE":
            return {}, [str(item.ReferencedSOPSequence[0][keyword].value) for keyword in _IMAGES]
        case kind if kind in _TEXTS:
            return {}, [str(item[_TEXTS[kind]].value)]
        case kind:
            raise ReportError(f"a content item of type {kind} has no JSON here")


def _container(item: Dataset) -> dict[str, Any]:
    attributes: dict[str, Any] = {"@cont": str(item.ContinuityOfContent)}
    for template in item.get("ContentTemplateSequence", ()):
        attributes["@tmr"] = str(template.MappingResource)
        attributes["@tid"] = str(template.TemplateIdentifier)
    return attributes


class _Reader:
    def __init__(self, table: Mapping[str, Mapping[str, Any]]) -> None:
        self.table = table

    def item(self, word: str, parts: list[Any], *, below: bool = False) -> Dataset:
        """The content item of a name and its list; `below` the root it has a relationship."""
        parts = list(parts)
        attributes = parts.pop(0) if parts and isinstance(parts[0], dict) else {}
        entry, item = self.table[word], Dataset()
        kind = attributes.get("@vt") or entry["@vt"][0]
        if below:
            item.RelationshipType = attributes.get("@rel") or entry["@rel"][0]
        item.ValueType = kind
        item.ConceptNameCodeSequence = [self.code(word)]
        children = parts.pop() if parts and _are_children(parts[-1]) else []
        self._fill(item, kind, attributes, parts)
        if children:
            item.ContentSequence = [
                self.item(name, held, below=True)
                for child in children
                for name, held in child.items()
            ]
        return item

    def _fill(
        self, item: Dataset, kind: str, attributes: Mapping[str, Any], parts: list[Any]
    ) -> None:
        match kind:
            case "CONTAINER":
                item.ContinuityOfContent = attributes["@cont"]
                if "@tid" in attributes:
                    template = Dataset()
                    template.MappingResource = attributes["@tmr"]
                    template.TemplateIdentifier = attributes["@tid"]
                    item.ContentTemplateSequence = [template]
            case "CODE":
                item.ConceptCodeSequence = [self.code(parts[0])]
            case "NUM":
                item.MeasuredValueSequence = [self._measured(attributes, *parts)]
            case "SCOORD":
                item.GraphicType, item.GraphicData = parts
            case "IMAGE" | "COMPOSITE":
                reference = Dataset()
                for keyword, value in zip(_IMAGES, parts, strict=True):
                    setattr(reference, keyword, value)
                item.ReferencedSOPSequence = [reference]
            case _:
                setattr(item, _TEXTS[kind], parts[0])

    def _measured(self, attributes: Mapping[str, Any], value: str, unit: str) -> Dataset:
        measured = Dataset()
        measured.NumericValue = value
        if "@fp" in attributes:
            measured.FloatingPointValue = attributes["@fp"]
        measured.MeasurementUnitsCodeSequence = [self.code(unit)]
        return measured

    def code(self, word: str) -> Dataset:
        entry, code = self.table[word], Dataset()
        long = len(entry["@cv"]) > 16
        setattr(code, "LongCodeValue" if long else "CodeValue", entry["@cv"])
        code.CodingSchemeDesignator = entry["@csd"]
        code.CodeMeaning = entry["@cm"]
        return code


def _are_children(part: Any) -> bool:
    return isinstance(part, list) and bool(part) and isinstance(part[0], dict)


def _attributes(dataset: Dataset) -> dict[str, Any]:
    """What stands beside the tree, by keyword; one value stands alone, none is null."""
    return {
        name: _value(element)
        for element in dataset
        if (name := keyword_for_tag(element.tag) or f"{element.tag:08X}") not in _TREE
    }


def _value(element: DataElement) -> Any:
    if element.VR == "SQ":
        return [_nested(item) for item in element.value]
    if element.VR in _ITSELF or element.tag.is_private:
        data = element.value if isinstance(element.value, bytes) else str(element.value).encode()
        return {"vr": element.VR, "InlineBinary": base64.b64encode(data).decode()}
    values = [*_each(element)]
    return (values if len(values) > 1 else values[0]) if values else None


def _nested(item: Dataset) -> dict[str, Any]:
    return {keyword_for_tag(element.tag): _value(element) for element in item}


def _each(element: DataElement) -> Iterator[Any]:
    if element.is_empty:
        return
    for value in element.value if element.VM > 1 else [element.value]:
        if element.VR in _NUMBERS:
            yield value
        elif element.VR in ("DS", "IS"):
            yield getattr(value, "original_string", None) or str(value)
        else:
            yield str(value)


def _dataset(held: Mapping[str, Any]) -> Dataset:
    read = Dataset()
    for name, value in held.items():
        tag = tag_for_keyword(name)
        if tag is None and isinstance(value, dict):
            data = base64.b64decode(value["InlineBinary"])
            text = value["vr"] not in _ITSELF
            read.add_new(int(name, 16), value["vr"], data.decode() if text else data)
        elif tag is not None and dictionary_VR(tag) == "SQ":
            read.add_new(tag, "SQ", Sequence([_dataset(item) for item in value]))
        elif tag is not None and isinstance(value, dict):
            read.add_new(tag, value["vr"], base64.b64decode(value["InlineBinary"]))
        elif tag is not None:
            read.add_new(tag, dictionary_VR(tag), value)
    return read
