"""What is asked of a film: places, both sides, what if, without a place; reading first."""

import base64
import time

import numpy as np
import pytest
from starlette.testclient import TestClient

from grounded import Box, Image
from grounded.audit import Verdict
from grounded.serve.hiding import hidden

from .conftest import ROOT, Start, add, edit, texts

EXAMPLE = (ROOT / "examples" / "normal_pa.jpg").read_bytes()


@pytest.fixture
def room(start: Start, shipped) -> tuple[TestClient, dict]:
    client = start(shipped)
    return client, add(client, EXAMPLE, name="normal_pa.jpg")


def ask(client: TestClient, state: dict, what: str, **body: object):
    return client.post(f"/api/sessions/{state['id']}/{what}", json=body)


def test_a_region_and_a_box_are_answered_and_both_sides_compared(room) -> None:
    client, state = room
    heart = ask(client, state, "ask", region="heart").json()["document"]
    assert any("CTR" in sentence["text"] for sentence in heart["sentences"])
    assert heart["measurements"]
    drawn = ask(client, state, "ask", box=[200, 500, 400, 800]).json()["document"]
    assert "marked area" in [region["name"] for region in drawn["regions"]]
    heats = [
        item
        for sentence in drawn["sentences"]
        for item in sentence["evidence"]
        if item["kind"] == "heat"
    ]
    for heat in heats:
        assert len(base64.b64decode(heat["values"])) == heat["rows"] * heat["columns"]
    both = ask(client, state, "compare", region="left lung").json()
    assert both["names"] == ["left lung", "right lung"]
    assert ask(client, state, "compare", region="heart").status_code == 422


def test_a_finding_set_by_hand_changes_the_report_without_contradiction(room) -> None:
    client, state = room
    findings = {"left lung": {"Pneumothorax": "present"}}
    changed = ask(client, state, "whatif", findings=findings).json()
    assert "Left pneumothorax." in changed["new"]
    assert texts(client.get(f"/api/sessions/{state['id']}").json()) == texts(state)
    kept = edit(client, state, do="accept", line=state["lines"][0]["id"])
    kept = edit(client, kept, do="set", findings=findings)
    assert "Left pneumothorax." in texts(kept)
    assert not [w for line in kept["lines"] for w in line["warnings"]]
    assert kept["set"] == findings
    back = edit(client, kept, do="set", findings={"left lung": {"Pneumothorax": None}})
    assert texts(back) == texts(state)
    assert back["lines"][0]["status"] == "accepted"


def test_the_film_without_its_heart_is_read_again(room) -> None:
    client, state = room
    answer = ask(client, state, "hide", region="heart").json()
    assert answer["new"] != answer["gone"]
    x0, _, x1, _ = answer["hidden"]
    assert 0 < x0 < x1 < 1024


def test_words_are_checked_while_they_are_typed(room) -> None:
    client, state = room

    def warned(text: str, *regions: str, line: str | None = None) -> set[str]:
        answer = ask(client, state, "check", text=text, regions=list(regions), line=line)
        return {item["kind"] for item in answer.json()["warnings"]}

    assert "side" in warned("Opacity in the right lung.", "left lung")
    assert "prior" in warned("The heart is unchanged.", "cardiac silhouette")
    assert "contradiction" in warned("Pleural effusion.", "left lung")
    assert not warned("The ribs are intact.", "left lung")
    assert not warned("   ", "left lung")
    first = state["lines"][0]
    assert not warned(state["document"]["sentences"][0]["text"], line=first["id"])
    assert "finding" in warned("Left pleural effusion.", line=first["id"])


def test_the_draft_stays_hidden_from_who_reads_first(room) -> None:
    client, _ = room
    state = add(client, EXAMPLE, read_first=True)
    id = state["id"]
    assert (state["revealed"], state["lines"], texts(state)) == (False, [], [])
    raw = client.get(f"/api/sessions/{id}").text
    assert "effusion" not in raw.replace("Pleural Effusion", "")
    for what, body in (("ask", {"region": "heart"}), ("whatif", {"findings": {}}), ("audit", {})):
        assert ask(client, state, what, **body).status_code == 403
    for path in ("exports/json", "agreement", "text"):
        assert client.get(f"/api/sessions/{id}/{path}").status_code == 403
    assert client.get("/api/sessions?q=effusion").json()["total"] == 1  # the other session
    state = edit(client, state, do="add", text="Left pleural effusion.", region="left lung")
    state = edit(client, state, do="add", text="Normal heart size.", region="heart")
    state = edit(client, state, do="reveal")
    assert len(texts(state)) > 2
    assert state["undo"] is None
    found = client.get(f"/api/sessions/{id}/agreement").json()
    verdicts = {item["region"]: item["verdict"] for item in found["regions"]}
    assert verdicts["left lung"] == "differ"
    assert verdicts["cardiac silhouette"] == "agree"


def test_what_is_hidden_goes_over_into_its_surroundings() -> None:
    pixels = np.full((200, 200), 0.5, np.float32)
    pixels[80:120, 80:120] = 1
    film = hidden(Image.of(pixels), Box(75, 75, 125, 125))
    assert abs(film.pixels - 0.5).max() < 0.02
    assert film.forced
    assert "hidden" in film.info.warnings[-1]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"region": "heart", "box": [0, 0, 5, 5]},
        {"region": "zebra"},
        {"box": [5, 5, 1, 1]},
        {"box": [500, 500, 600, 600]},
        {"box": [0, 0, "inf", 5]},
        {"region": "heart", "findings": {"Zebra": "present"}},
    ],
)
def test_a_question_about_nothing_is_an_error_in_words(client: TestClient, body: dict) -> None:
    answer = ask(client, add(client), "ask", **body)
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], str)


def test_a_report_is_audited_in_its_turn_and_keeps_its_verdicts(room) -> None:
    client, state = room
    assert {sentence["verdict"] for sentence in state["document"]["sentences"]} == {""}
    answer = client.post(f"/api/sessions/{state['id']}/audit")
    assert answer.status_code == 202
    done = audited(client, state["id"])
    verdicts = {s["verdict"] for s in done["document"]["sentences"] if s["section"] == "findings"}
    assert verdicts <= {str(verdict) for verdict in Verdict}
    assert str(Verdict.SUPPORTED) in verdicts
    exported = client.get(f"/api/sessions/{state['id']}/exports/json").json()
    assert exported["audit"]["sentences"]


def test_an_audit_that_a_restart_stopped_is_made_then(start: Start) -> None:
    client = start()
    id = add(client)["id"]
    client.room.store.put(id, stage="audit")
    done = audited(start(), id)
    findings = [s for s in done["document"]["sentences"] if s["section"] == "findings"]
    assert {sentence["verdict"] for sentence in findings} == {"does not use the image"}


def audited(client: TestClient, id: str) -> dict:
    """The session when its audit is done."""
    for _ in range(600):
        state = client.get(f"/api/sessions/{id}").json()
        if state["stage"] != "audit":
            return state
        time.sleep(0.1)
    raise AssertionError("the audit did not end")
