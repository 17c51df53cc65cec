"""References to an earlier film, in sentences as reports have them."""

import pytest

from grounded.language.mentions import words_of_comparison


@pytest.mark.parametrize(
    ("sentence", "word"),
    [
        ("Unchanged cardiomegaly.", "unchanged"),
        ("The cardiomediastinal silhouette is stable.", "stable"),
        ("Interval development of a left basal opacity.", "interval"),
        ("There is a new small right pleural effusion.", "new"),
        ("No new focal consolidation.", "new"),
        ("Right basal atelectasis is again seen.", "again"),
        ("Persistent blunting of the left costophrenic angle.", "persistent"),
        ("Aeration of the left base has improved.", "has improved"),
        ("Worsening bilateral airspace opacities.", "worsening"),
        ("The effusion has increased since the last examination.", "has increased"),
        ("The right apical pneumothorax has resolved.", "has resolved"),
        ("The opacity is increased in extent.", "increased in extent"),
        ("No significant change in the right effusion.", "no significant change in"),
        ("Without interval change.", "without interval change"),
        ("Compared with the previous film the lungs are better aerated.", "compared with"),
        ("Small effusion, as seen on the prior study.", "prior study"),
        ("The nodule was not present on the prior.", "on the prior"),
        ("The heart remains enlarged.", "remains"),
        ("The chest tube has been removed.", "has been removed"),
        ("The consolidation is no longer seen.", "no longer"),
        ("Redemonstrated scarring at the left apex.", "redemonstrated"),
        ("The mediastinal contours are similar to the prior exam.", "similar to the prior"),
        ("Similar appearance of the right base.", "similar"),
        ("The previously described nodule is not seen.", "previously"),
        ("Continued elevation of the right hemidiaphragm.", "continued"),
        ("No comparison films are available.", "comparison"),
        ("Small residual right pneumothorax.", "residual right pneumothorax"),
        ("The edema is now moderate.", "now"),
        ("The left effusion is worse.", "worse"),
    ],
)
def test_a_comparison_is_found_by_its_words(sentence: str, word: str) -> None:
    assert word in words_of_comparison(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "The lungs are clear.",
        "There is an old healed fracture of the left seventh rib.",
        "Chronic interstitial changes at both bases.",
        "Degenerative changes of the thoracic spine without acute change of the bones.",
        "Calcified granuloma, evidence of prior granulomatous disease.",
        "Sternotomy wires from previous cardiac surgery.",
        "Bilateral effusions, worse on the right.",
        "Basal opacities, left worse than right.",
        "The right lung is small compared with the left.",
        "Increased interstitial markings and decreased lung volumes.",
        "Postsurgical changes from a left lobectomy.",
        "A short interval follow-up is recommended.",
        "High resolution computed tomography may help.",
        "The patient is hemodynamically stable.",
        "If clinical concern persists, rib views may help.",
        "The tube projects over the region of the carina.",
        "The renewed cortex of the rib is intact.",
        "",
    ],
)
def test_what_one_film_can_show_is_no_comparison(sentence: str) -> None:
    assert words_of_comparison(sentence) == ()


def test_each_word_is_told_once_in_lower_case() -> None:
    assert words_of_comparison("Stable heart.  STABLE lungs.") == ("stable",)
