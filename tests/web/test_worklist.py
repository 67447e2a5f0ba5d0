"""The worklist."""

from __future__ import annotations

from flask.testing import FlaskClient


def test_the_worklist_names_the_patients(signed_in: FlaskClient) -> None:
    """A name that was loaded stands in it."""
    answer = signed_in.get("/")
    assert answer.status_code == 200
    assert "Anthony Okafor" in answer.text
