"""Work on a report: edits, undo, two windows, restarts, the list of sessions, exports."""

import io
import json
import sqlite3
import stat
import threading

import pydicom
import pytest
from starlette.testclient import TestClient

from grounded import GroundedReport
from grounded.export.exporters import formats

from .conftest import Start, add, dicom, edit, noise, png, texts, wait


def ids(state: dict) -> list[str]:
    return [line["id"] for line in state["lines"]]


def test_an_edited_sentence_keeps_its_id_place_and_the_drafts_words(client: TestClient) -> None:
    before = add(client)
    line = before["lines"][3]
    state = edit(client, before, "Dr A", do="edit", line=line["id"], text=" Quite  unlike it. ")
    said, was = state["document"]["sentences"][3], before["document"]["sentences"][3]
    assert said["text"] == "Quite unlike it."
    assert (said["regions"], said["evidence"]) == (was["regions"], was["evidence"])
    assert ids(state) == ids(before)
    assert state["lines"][3]["draft"] == was["text"]
    assert (state["lines"][3]["status"], state["lines"][3]["by"]) == ("accepted", "Dr A")


def test_a_rejected_sentence_leaves_the_report_with_its_reason(client: TestClient) -> None:
    before = add(client)
    state = edit(client, before, do="reject", line=ids(before)[0], reason="rotated film")
    assert ids(state) == ids(before)[1:]
    assert [(x["id"], x["reason"]) for x in state["rejected"]] == [(ids(before)[0], "rotated film")]
    report = client.get(f"/api/sessions/{state['id']}/exports/json").json()
    assert report["removed"][-1]["reason"] == "rejected by the reader: rotated film"
    again = edit(client, state, do="restore", line=ids(before)[0])
    assert (ids(again), again["rejected"]) == (ids(before), [])


def test_every_decision_is_in_the_provenance(client: TestClient) -> None:
    state = add(client)
    first, second, third = ids(state)[:3]
    state = edit(client, state, "A", do="accept", line=first)
    state = edit(client, state, "B", do="edit", line=second, text="Another text.")
    state = edit(client, state, "C", do="reject", line=third, reason="why")
    state = edit(client, state, "D", do="add", text="My own.", region="left lung")
    report = client.get(f"/api/sessions/{state['id']}/exports/json").json()
    review = {item["by"]: item for item in report["provenance"]["review"]}
    decisions = {by: item["decision"] for by, item in review.items()}
    assert decisions == {"A": "accepted", "B": "accepted", "C": "rejected", "D": "supplemented"}
    assert review["B"]["draft"]
    assert [act["act"] for act in state["history"]] == [
        *("accepted", "edited", "rejected", "supplemented")
    ]
    assert GroundedReport.from_dict(report).provenance.review[0].by == "A"


def test_a_sentence_of_ones_own_stands_on_a_region_or_on_a_box(client: TestClient) -> None:
    state = add(client)
    state = edit(client, state, do="add", text="The heart is large.", region="heart")
    state = edit(client, state, do="add", text="A dot here.", box=[5, 5, 20, 20])
    state = edit(client, state, do="add", text="A dot there.", box=[30, 5, 40, 20])
    said = {s["text"]: s["regions"] for s in state["document"]["sentences"]}
    assert said["The heart is large."] == ["cardiac silhouette"]
    assert said["A dot here."] == ["marked area"]
    assert said["A dot there."] == ["marked area 2"]
    boxes = {region["name"]: region["box"] for region in state["document"]["regions"]}
    assert boxes["marked area 2"] == [30, 5, 40, 20]
    tied = edit(client, state, do="tie", line=state["lines"][-1]["id"], region="left lung")
    assert tied["document"]["sentences"][-1]["regions"] == ["left lung"]


def test_an_answer_can_be_taken_over_with_its_evidence(client: TestClient) -> None:
    state = add(client)
    state = edit(client, state, do="take", ask={"box": [5, 5, 30, 30]}, number=1)
    taken = state["document"]["sentences"][-1]
    assert state["lines"][-1]["status"] == "supplemented"
    assert taken["evidence"][0] == {"kind": "region", "region": "marked area"}


def test_sentences_are_reordered_within_their_section(client: TestClient) -> None:
    before = add(client)
    first, second, third = ids(before)[:3]
    state = edit(client, before, do="move", line=third, before=first)
    assert ids(state)[:3] == [third, first, second]
    state = edit(client, state, do="move", line=third)
    assert ids(state) == [x for x in ids(before) if x != third] + [third]


def test_undo_and_redo_go_through_all_steps_also_after_a_restart(start: Start) -> None:
    client = start()
    states = [add(client)]
    line = ids(states[0])[0]
    states.append(edit(client, states[-1], do="edit", line=line, text="One."))
    states.append(edit(client, states[-1], do="reject", line=line, reason=""))
    states.append(edit(client, states[-1], do="add", text="Two.", region="left lung"))
    client = start()
    state = states[-1]
    for earlier in states[-2::-1]:
        state = edit(client, state, do="undo")
        assert texts(state) == texts(earlier)
    assert state["undo"] is None
    for later in states[1:]:
        assert state["redo"]
        state = edit(client, state, do="redo")
        assert texts(state) == texts(later)
    assert state["redo"] is None


def test_a_new_step_takes_the_place_of_what_was_undone(client: TestClient) -> None:
    state = add(client)
    state = edit(client, state, do="add", text="One.", region="left lung")
    state = edit(client, state, do="undo")
    state = edit(client, state, do="add", text="Two.", region="left lung")
    assert texts(state)[-1] == "Two."
    assert state["redo"] is None
    assert texts(edit(client, state, do="undo"))[-1] != "One."


def test_nothing_can_be_undone_before_the_first_step(client: TestClient) -> None:
    state = add(client)
    body = {"revision": state["revision"], "edit": {"do": "undo"}}
    answer = client.post(f"/api/sessions/{state['id']}/edits", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (422, "there is nothing to undo")


def test_the_slower_of_two_windows_is_told_and_gets_the_session_as_it_is(
    client: TestClient,
) -> None:
    seen = add(client)
    edit(client, seen, do="add", text="From the first.", region="left lung")
    body = {"revision": seen["revision"], "edit": {"do": "accept", "line": ids(seen)[0]}}
    answer = client.post(f"/api/sessions/{seen['id']}/edits", json=body)
    assert answer.status_code == 409
    current = answer.json()["session"]
    assert texts(current)[-1] == "From the first."
    state = edit(client, current, do="accept", line=ids(seen)[0])
    assert texts(state)[-1] == "From the first."
    assert state["lines"][0]["status"] == "accepted"


def test_of_many_edits_at_once_one_is_taken(client: TestClient) -> None:
    state = add(client)
    answers: list[int] = []

    def add_one(number: int) -> None:
        change = {"do": "add", "text": f"Number {number}.", "region": "left lung"}
        body = {"revision": state["revision"], "edit": change}
        answers.append(client.post(f"/api/sessions/{state['id']}/edits", json=body).status_code)

    threads = [threading.Thread(target=add_one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, *[409] * 5]
    now = client.get(f"/api/sessions/{state['id']}").json()
    assert len(now["lines"]) == len(state["lines"]) + 1


def test_a_session_is_found_again_after_a_restart(start: Start) -> None:
    client = start()
    before = edit(client, add(client), do="add", text="A zebra.", region="left lung")
    client = start()
    assert client.get(f"/api/sessions/{before['id']}").json() == before
    found = client.get("/api/sessions?q=zebra").json()
    assert [item["id"] for item in found["sessions"]] == [before["id"]]
    assert client.get("/api/sessions?q=zebra%25").json()["total"] == 0
    assert client.get(f"/api/sessions/{before['id']}/exports/png").status_code == 200


def test_a_film_that_waited_when_the_server_was_stopped_is_read(start: Start) -> None:
    client = start()
    id = add(client)["id"]
    client.room.store.put(id, status="reading", stage="waiting", draft="")
    client = start()
    assert wait(client, id)["status"] == "ready"


def test_sessions_can_be_named_and_removed(client: TestClient) -> None:
    id = add(client)["id"]
    assert client.patch(f"/api/sessions/{id}", json={"name": "Case 7"}).json()["name"] == "Case 7"
    assert client.get("/api/sessions?q=case").json()["total"] == 1
    assert client.delete(f"/api/sessions/{id}").status_code == 204
    assert client.get(f"/api/sessions/{id}").status_code == 404
    assert client.delete(f"/api/sessions/{id}").status_code == 404


def test_old_sessions_and_their_films_are_removed(start: Start) -> None:
    client = start()
    old, new = add(client)["id"], add(client, png(seed=1))["id"]
    database = client.room.store.films.parent / "room.sqlite"
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE session SET changed = '2001-01-01' WHERE id = ?", (old,))
    connection.close()
    assert client.room.sweep() == 1
    assert [item["id"] for item in client.get("/api/sessions").json()["sessions"]] == [new]
    assert len(list(client.room.store.films.iterdir())) == 1


def test_only_the_owner_may_open_the_folder(client: TestClient) -> None:
    folder = client.room.store.films.parent
    add(client)
    for place in (folder, client.room.store.films):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    for film in client.room.store.films.iterdir():
        assert stat.S_IMODE(film.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", formats())
def test_a_report_in_work_can_be_written_by_every_exporter(client: TestClient, name: str) -> None:
    state = edit(client, add(client), do="add", text="A zebra.", box=[5, 5, 20, 20])
    answer = client.get(f"/api/sessions/{state['id']}/exports/{name}")
    if "dcm" in name or name.startswith("sr"):  # they refer to a DICOM film
        assert answer.status_code == 422
        assert answer.json()["detail"]
        return
    assert answer.status_code == 200, answer.text
    assert answer.content
    assert f".{name}" in answer.headers["content-disposition"]


def test_an_exporter_that_nobody_installed_is_an_error(client: TestClient) -> None:
    id = add(client)["id"]
    assert client.get(f"/api/sessions/{id}/exports/docx").status_code == 422


def test_the_text_can_be_copied(client: TestClient) -> None:
    state = edit(client, add(client), do="add", text="A zebra.", region="left lung")
    assert "A zebra.\n" in client.get(f"/api/sessions/{state['id']}/text").text


def test_feedback_is_written_only_if_that_is_wanted(start: Start) -> None:
    client = start()
    state = add(client)
    state = edit(client, state, do="edit", line=ids(state)[0], text="Better words.")
    state = edit(client, state, do="reject", line=ids(state)[1], reason="no")
    assert client.get("/api/feedback").status_code == 403
    client = start(feedback=True)
    rows = [json.loads(line) for line in client.get("/api/feedback").text.splitlines()]
    assert [row["decision"] for row in rows] == ["accepted", "rejected"]
    assert rows[0]["accepted"] == "Better words."
    assert rows[0]["draft"] == state["lines"][0]["draft"]
    assert rows[0]["film_sha256"] == state["film"]["sha256"]
    assert rows[1]["accepted"] is None


def test_an_exporter_that_breaks_is_told_in_words(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(report: GroundedReport) -> bytes:
        raise AttributeError("Doe^Jane")

    monkeypatch.setattr("grounded.serve.routes_report.exporter", lambda name: broken)
    answer = client.get(f"/api/sessions/{add(client)['id']}/exports/json")
    assert answer.status_code == 422
    assert answer.json()["detail"] == "this report cannot be written as json (AttributeError)"


def test_the_page_has_an_answer_for_each_region(client: TestClient) -> None:
    state = add(client)
    page = client.get(f"/api/sessions/{state['id']}/exports/html").text
    assert page.count('"answers"') == 1
    assert '"answers": {}' not in page
    assert '"answers":{}' not in page


def test_who_signs_accepts_what_is_open_until_something_changes(client: TestClient) -> None:
    state = add(client)
    state = edit(client, state, "", do="sign", name="Doe^Jane", institution="Ward 3")
    assert {line["status"] for line in state["lines"]} == {"accepted"}
    assert (state["acceptance"]["name"], state["undo"]) == ("Doe^Jane", "sign")
    assert state["history"][-1]["text"] == "Doe^Jane, Ward 3"
    changed = edit(client, state, do="reject", line=state["lines"][0]["id"], reason="")
    assert changed["acceptance"] is None
    assert edit(client, changed, do="undo")["acceptance"] == state["acceptance"]


def test_nobody_signs_without_a_name_or_before_their_own_reading(client: TestClient) -> None:
    state = add(client, read_first=True)
    for signed in ({"name": " ", "institution": "W"}, {"name": "Doe", "institution": "W"}):
        body = {"revision": state["revision"], "edit": {"do": "sign", **signed}}
        answer = client.post(f"/api/sessions/{state['id']}/edits", json=body)
        assert answer.status_code == 422, answer.text
    assert "own reading" in answer.json()["detail"]


def test_a_structured_report_names_who_signed_it(client: TestClient) -> None:
    state = add(client, dicom(noise()))
    edit(client, state, do="sign", name="Doe^Jane", institution="Ward 3")
    answer = client.get(f"/api/sessions/{state['id']}/exports/sr.dcm")
    assert answer.status_code == 200, answer.text
    document = pydicom.dcmread(io.BytesIO(answer.content))
    assert document.VerificationFlag == "VERIFIED"
    [observer] = document.VerifyingObserverSequence
    assert observer.VerifyingObserverName == "Doe^Jane"
    assert observer.VerifyingOrganization == "Ward 3"


def test_a_film_that_arrives_is_not_swept_away_before_it_has_a_session(client) -> None:
    store, film = client.room.store, png()
    part = store.part()
    part.write_bytes(film)
    with store.keep_film(part, "ab" * 32):
        store.sweep_films()
        assert store.film_bytes("ab" * 32) == film
    store.sweep_films()
    assert not list(store.films.iterdir())
