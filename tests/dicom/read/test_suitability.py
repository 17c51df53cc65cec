"""Which headers describe a frontal chest film."""

import warnings

import pytest
from pydicom.dataset import Dataset

from grounded.dicom.read.header import Header
from grounded.dicom.read.suitability import hints, objections
from grounded.dicom.read.view import laterality_of, positions, view_of


def header(**attributes: object) -> Header:
    made = Dataset()
    with warnings.catch_warnings():  # pydicom knows that some are no codes
        warnings.simplefilter("ignore")
        for keyword, value in attributes.items():
            setattr(made, keyword, value)
    return Header(made)


def code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


@pytest.mark.parametrize(
    "words",
    [
        "CHEST",
        "Thorax",
        "LUNG",
        "RIBS",
        "CHEST_PA",
        "CHEST PA",
        "TORAX",
        "CHESTABDPELVIS",
        "PORT CHEST",
        "HEART",
        "",
        "UNKNOWN",
        "OTHER",
        "NA",
        "BABYGRAM",
        "TRUNK",
    ],
)
def test_a_chest_or_an_unspecific_body_part_is_no_objection(words: str) -> None:
    assert objections(header(BodyPartExamined=words)) == ()


@pytest.mark.parametrize(
    "words", ["HIP", "KNEE", "TSPINE", "THORACIC_SPINE", "STERNUM", "ABDOMEN", "BREAST", "SKULL"]
)
def test_another_body_part_is_an_objection(words: str) -> None:
    assert objections(header(BodyPartExamined=words)) == (f"body part '{words}'",)


def test_a_description_excuses_a_wrong_body_part_with_a_hint() -> None:
    film = header(BodyPartExamined="ABDOMEN", SeriesDescription="Thorax pa")
    assert objections(film) == ()
    assert "description says chest" in hints(film)[0]


def test_a_description_alone_never_condemns_a_film() -> None:
    film = header(SeriesDescription="Knee lateral")
    assert objections(film) == ()
    assert "not frontal" in hints(film)[0]


@pytest.mark.parametrize(
    ("region", "objected"),
    [(("51185008", "Thoracic structure"), False), (("72696002", "Knee"), True)],
)
def test_the_coded_region_counts_where_no_body_part_is_given(region, objected) -> None:
    assert bool(objections(header(AnatomicRegionSequence=[code(*region)]))) == objected


@pytest.mark.parametrize("modality", ["CR", "DX", "DR", "RG", "SC", "OT", ""])
def test_radiographs_and_scanned_sheets_are_no_objection(modality: str) -> None:
    assert objections(header(Modality=modality)) == ()


@pytest.mark.parametrize("modality", ["CT", "MR", "US", "MG", "NM", "SEG", "RTDOSE"])
def test_other_modalities_are_an_objection(modality: str) -> None:
    assert objections(header(Modality=modality)) == (f"modality '{modality}'",)


def test_the_storage_class_counts_where_the_modality_is_vague() -> None:
    ct = "1.2.840.10008.5.1.4.1.1.2"
    assert objections(header(SOPClassUID=ct)) == ("stored as CT Image Storage",)
    assert objections(header(SOPClassUID=ct, Modality="CR")) == ()


@pytest.mark.parametrize(
    ("words", "view"),
    [
        *((words, "PA") for words in ("PA", "p.a.", "Postero-anterior", "PA ERECT")),
        *((words, "AP") for words in ("AP", "AP SUPINE", "ANTERO-POSTERIOR", "AP_PORTABLE")),
        *((words, "LL") for words in ("LL", "L LAT", "LEFT LATERAL")),
        *((words, "RL") for words in ("RL", "RLAT")),
        *((words, "LATERAL") for words in ("LATERAL", "LAT")),
        *((words, "OBLIQUE") for words in ("OBLIQUE", "LAO", "RPO")),
        *((words, "") for words in ("", "PA/LAT", "FRONTAL", "XYZ", "BILATERAL")),
        ("LLD", "LLD"),
        ("RT DECUBITUS", "RLD"),
        ("DECUBITUS", "DECUBITUS"),
    ],
)
def test_the_view_is_recognised_in_the_spellings_of_vendors(words: str, view: str) -> None:
    film = header(ViewPosition=words)
    assert view_of(film) == view
    assert bool(objections(film)) == (view not in ("PA", "AP", ""))


@pytest.mark.parametrize(
    ("coded_view", "view"),
    [
        (("272479007", "postero-anterior"), "PA"),
        (("R-10206", "antero-posterior"), "AP"),
        (("399173006", "left lateral"), "LL"),
        (("local", "Right lateral"), "RL"),
        (("local", "something"), ""),
    ],
)
def test_the_coded_view_counts_where_the_view_position_is_empty(coded_view, view) -> None:
    assert view_of(header(ViewCodeSequence=[code(*coded_view)])) == view
    assert view_of(header(ViewCodeSequence=[code(*coded_view)], ViewPosition="PA")) == "PA"


def test_an_unknown_view_leaves_a_hint() -> None:
    assert hints(header(ViewPosition="DOE JANE")) == (
        "The view is given as a value that is no known code: taken as frontal.",
    )


@pytest.mark.parametrize(
    ("orientation", "reason"),
    [
        (["L", "F"], ""),
        (["LP", "FA"], ""),
        ([], ""),
        (["L"], ""),
        (["R", "F"], "mirrored"),
        (["L", "H"], "upside down"),
        (["R", "H"], "upside down"),
        (["F", "L"], "turned"),
        (["P", "F"], "from the side"),
    ],
)
def test_a_film_that_lies_otherwise_is_an_objection(orientation, reason) -> None:
    found = objections(header(PatientOrientation=orientation))
    assert reason in " ".join(found)
    assert bool(found) == bool(reason)


@pytest.mark.parametrize(
    ("cosines", "reason"),
    [
        ([1, 0, 0, 0, 0, -1], ""),
        ([0.98, 0.1, 0, 0, 0.1, -0.98], ""),
        ([-1, 0, 0, 0, 0, -1], "mirrored"),
        ([1, 0, 0, 0, 0, 1], "upside down"),
        ([0, 0, -1, 1, 0, 0], "turned by 90 degrees"),
        ([1, 0, 0, 0, 1, 0], ""),  # of a slice, as converters write it
        ([0, 1, 0, 0, 0, -1], ""),
        ([1, 0, 0], ""),
    ],
)
def test_without_letters_the_cosines_say_how_a_film_lies(cosines: list[float], reason: str) -> None:
    found = objections(header(ImageOrientationPatient=cosines))
    assert reason in " ".join(found)
    assert bool(found) == bool(reason)
    both = header(ImageOrientationPatient=cosines, PatientOrientation=["L", "F"])
    assert objections(both) == ()


def test_a_stated_frontal_view_outweighs_a_lateral_orientation() -> None:
    assert objections(header(PatientOrientation=["A", "F"], ViewPosition="PA")) == ()


def test_lying_and_portable_films_are_told() -> None:
    told = " ".join(positions(header(ViewPosition="AP SUPINE", SeriesDescription="bedside chest")))
    assert "lying down" in told
    assert "portable" in told
    assert positions(header(ViewPosition="PA", SeriesDescription="Chest transport")) == ()


@pytest.mark.parametrize(
    ("attributes", "side"),
    [({"Laterality": "R"}, "R"), ({"ImageLaterality": "U", "Laterality": "L"}, "U"), ({}, "")],
)
def test_the_side_is_taken_from_the_header(attributes, side) -> None:
    assert laterality_of(header(**attributes)) == side


def test_a_value_that_may_be_free_text_is_not_repeated() -> None:
    (reason,) = objections(header(Modality="Jane Doe; 12, High Street"))
    assert "JANE" not in reason.upper()


@pytest.mark.parametrize(
    ("attributes", "reasons"),
    [
        ({"Modality": "CT"}, ("modality 'CT'",)),
        (
            {"Modality": "OT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"},
            ("stored as CT Image Storage",),
        ),
        ({"BodyPartExamined": "KNEE"}, ("body part 'KNEE'",)),
        ({"ViewPosition": "LL"}, ("a lateral view (LL)",)),
        ({"ViewPosition": "LLD"}, ("a decubitus view (LLD)",)),
        ({"ViewPosition": "RAO"}, ("an oblique view (OBLIQUE)",)),
        (
            {"PatientOrientation": ["R", "F"]},
            (
                "stored mirrored: the patient's left is on the left of the picture (by its "
                "orientation in the patient)",
            ),
        ),
        (
            {"PatientOrientation": ["L", "H"]},
            ("stored upside down (by its orientation in the patient)",),
        ),
        (
            {"Modality": "MR", "BodyPartExamined": "KNEE"},
            ("modality 'MR'", "body part 'KNEE'"),
        ),
    ],
)
def test_an_objection_is_said_in_words(attributes: dict, reasons: tuple[str, ...]) -> None:
    assert objections(header(**attributes)) == reasons


def test_a_region_that_is_no_chest_is_named_where_no_body_part_is() -> None:
    knee, chest = code("72696002", "Knee"), code("51185008", "Thoracic structure")
    assert objections(header(AnatomicRegionSequence=[knee])) == ("anatomic region 'KNEE'",)
    assert objections(header(AnatomicRegionSequence=[knee, chest])) == ()
    for by_code, by_words in [("51185008", "Knee"), ("1", "Chest wall")]:
        assert objections(header(AnatomicRegionSequence=[code(by_code, by_words)])) == ()
    assert objections(header(AnatomicRegionSequence=[knee], BodyPartExamined="CHEST")) == ()


def test_hints_are_whole_sentences() -> None:
    assert hints(header(BodyPartExamined="KNEE", SeriesDescription="Chest PA")) == (
        "The body part is given as 'KNEE', but the description says chest.",
    )
    assert hints(header(ViewPosition="AXIAL")) == (
        "The view is given as 'AXIAL': taken as frontal.",
    )
    assert hints(header(ViewPosition="FRONTAL")) == ()
    several = header(
        BodyPartExamined="KNEE", SeriesDescription="Chest lateral", ViewPosition="AXIAL"
    )
    assert [text.split(" ")[1] for text in hints(several)] == ["body", "view", "view"]
    assert hints(header(SeriesDescription="Chest lateral")) == (
        "The view is not stated, and the description suggests that it is not frontal.",
    )
    assert hints(header(SeriesDescription="Chest lateral", ViewPosition="PA")) == ()
    assert hints(header(BodyPartExamined="CHEST", SeriesDescription="Chest PA")) == ()


def test_how_a_film_was_taken_is_said_in_whole_sentences() -> None:
    lying = "Taken lying down: the heart and the mediastinum look wider."
    portable = "A portable film: projection and inspiration differ from a standing one."
    for words in ("AP SUPINE", "RECUMBENT", "LIEGEND"):
        assert positions(header(ViewPosition=words)) == (lying,)
    assert positions(header(PatientPosition="HFS")) == (lying,)
    for words in ("PORTABLE", "Thorax im Bett", "chest port", "mobile"):
        assert positions(header(SeriesDescription=words)) == (portable,)
    assert positions(header(ProtocolName="BEDSIDE")) == (portable,)
    assert positions(header(PatientOrientationCodeSequence=[code("1", "supine")])) == (lying,)
    view = code("1", "postero-anterior")
    view.ViewModifierCodeSequence = [code("2", "recumbent")]
    assert positions(header(ViewCodeSequence=[view])) == (lying,)
    assert positions(header(ViewPosition="AP SUPINE", SeriesDescription="portable")) == (
        lying,
        portable,
    )


@pytest.mark.parametrize(
    ("attributes", "side"),
    [
        ({"Laterality": "L"}, "L"),
        ({"Laterality": "B"}, "B"),
        ({"ImageLaterality": "X", "Laterality": "L"}, ""),
        ({"Laterality": "LEFT"}, ""),
    ],
)
def test_a_side_is_one_of_four_letters(attributes: dict, side: str) -> None:
    assert laterality_of(header(**attributes)) == side


@pytest.mark.parametrize(
    ("value", "view"),
    [("272479007", "PA"), ("R-10206", "AP"), ("399173006", "LL"), ("R-10232", "RL"),
     ("399067008", "LATERAL"), ("1", "")],
)  # fmt: skip
def test_a_code_is_a_view(value: str, view: str) -> None:
    assert view_of(header(ViewCodeSequence=[code(value, "")])) == view


def test_the_words_of_a_coded_view_count_where_its_code_is_not_known() -> None:
    assert view_of(header(ViewCodeSequence=[code("1", "antero-posterior")])) == "AP"
    first = header(ViewCodeSequence=[code("1", "?"), code("272479007", "PA")])
    assert view_of(first) == ""  # the first is the view


@pytest.mark.parametrize(
    ("cosines", "reason"),
    [
        ([0.72, 0.4, 0, 0, 0, -1], ""),
        ([-0.72, 0.4, 0, 0, 0, -1], "mirrored"),
        ([-0.72, 0.6, 0, 0, 0, -1], ""),  # turned out of the plane
        ([-0.69, 0.0, 0, 0, 0, -1], ""),  # too far from an axis
        ([-1, 0, 0, 0.8, 0, -0.9], "mirrored"),
        ([0, 0, 1, -1, 0, 0], "turned by 90 degrees"),
    ],
)
def test_a_direction_counts_near_to_its_axis_and_in_the_plane(
    cosines: list[float], reason: str
) -> None:
    found = " ".join(objections(header(ImageOrientationPatient=cosines)))
    assert reason in found
    assert bool(found) is bool(reason)
