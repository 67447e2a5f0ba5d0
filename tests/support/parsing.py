"""For tests that run the whole installers many times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lungdb.embedded.running import session
from lungdb.embedded.syntax.statements import Batch, parse_batch


@pytest.fixture(scope="module")
def parsed_once() -> Iterator[None]:
    """The same batches are run by hundreds of connections, each of which would parse them anew: half of the time."""
    kept: dict[tuple[str, tuple[tuple[str, Any], ...]], Batch] = {}

    def parse(text: str, declared: dict[str, Any] | None = None) -> Batch:
        known = text, tuple((declared or {}).items())
        if known not in kept:
            kept[known] = parse_batch(text, declared)
        return kept[known]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "parse_batch", parse)
        yield
