"""Whatever is sent to the server, it answers in words and never breaks."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from .conftest import ADDRESS, Start, add

schemathesis = pytest.importorskip("schemathesis")
_SHORT = settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def test_the_schema_names_every_answer(start: Start) -> None:
    schema = start().get("/api/openapi.json").json()
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            answers = operation["responses"]
            assert {"200", "201", "202", "204"} & set(answers), (method, path)
            assert operation["description"], (method, path)


def test_no_part_of_an_answer_is_left_undescribed(start: Start) -> None:
    schemas = start().get("/api/openapi.json").json()["components"]["schemas"]
    assert {"Document", "PageSentence", "HeatEvidence", "Scale", "Acceptance"} <= set(schemas)
    assert list(untyped(schemas)) == []


def untyped(schema: object, path: str = "") -> Iterator[str]:
    """Where a schema allows anything at all, or an object of anything."""
    if isinstance(schema, list):
        for at, item in enumerate(schema):
            yield from untyped(item, f"{path}/{at}")
    if not isinstance(schema, dict):
        return
    described = {"properties", "additionalProperties", "discriminator"} & set(schema)
    if schema.get("type") == "object" and not described:
        yield path
    for key, item in schema.items():
        if item == {} or (key == "additionalProperties" and item is True):
            yield f"{path}/{key}"
        yield from untyped(item, f"{path}/{key}")


def test_no_request_breaks_the_server(start: Start) -> None:
    client = start()
    known = [add(client)["id"]]
    schema = schemathesis.openapi.from_dict(client.get("/api/openapi.json").json())

    def answered(case) -> None:
        """Requests are about a session that there is."""
        if "id" in (case.path_parameters or {}):
            if client.get(f"/api/sessions/{known[0]}").status_code == 404:
                known[0] = add(client)["id"]
            case.path_parameters["id"] = known[0]
        answer = client.request(**_encodable(case.as_transport_kwargs(base_url=ADDRESS)))
        assert answer.status_code < 500, (case.method, case.path, answer.text)
        if answer.status_code >= 400:
            assert isinstance(answer.json()["detail"], str)

    operations = [result.ok() for result in schema.get_all_operations()]
    for operation in operations:
        if operation.path != "/api/events":  # it never ends
            _SHORT(given(operation.as_strategy())(answered))()


def _encodable(sent: dict) -> dict:
    """Without what only the other library's client knows."""
    data = sent.pop("data", None)
    if data is not None:
        sent["content"] = data if isinstance(data, bytes | str) else repr(data)
    kept = ("method", "url", "params", "json", "content")
    return {key: value for key, value in sent.items() if key in kept}
