"""Why a score is what it is, as dbo.ExplainScans and dbo.ExplainRegions have stored it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lungdb.database import ResultSet
from lungdb.errors import ErrorNumber, LungdbError, SqlError
from lungdb_web.queries.calling import Call
from lungdb_web.queries.installed import (
    NO_MAPS,
    NO_OVERLAYS,
    NO_REASONS,
    NOT_EXPLAINED_HERE,
    Installed,
    NotInstalled,
    granted_or,
)

PERMUTATIONS = 32
_READ = "EXECUTE dbo.ReadExplanation @PredictionId = ?, @TopFeatures = ?, @TopSlices = ?;"
_EXPLAIN = (
    "EXECUTE dbo.ExplainScans @PredictionId = ?, @Features = ?, @Permutations = ?, @TopFeatures = 0, @TopSlices = 0;"
)
_WITHOUT_FEATURES = (ErrorNumber.NO_CONTRIBUTIONS,)
# Without permutations contributions of a network, or of one in an ensemble, are refused by what it lacks first.
_WITHOUT_EITHER = (ErrorNumber.NO_CONTRIBUTIONS, ErrorNumber.NO_REFERENCE, ErrorNumber.ARGUMENT)
_MAP = "EXECUTE dbo.ReadMap @PredictionId = ?, @SliceIndex = ?, @Method = ?;"
_RENDER = "EXECUTE dbo.RenderMap @PredictionId = ?, @SliceIndex = ?, @Method = ?;"


class NotExplainedError(LungdbError):
    """A score that nobody has explained yet."""

    def __init__(self, prediction_id: int) -> None:
        super().__init__(
            f"The score {prediction_id} is not explained yet. An account with the role scorer has it explained by a "
            "POST to this address, or on the page of the patient."
        )


@dataclass(frozen=True)
class Contribution:
    """What a feature added to the margin of the model that reads it; `standard_error` is None of what is exact."""

    prediction_id: int
    rank: int
    name: str
    feature_value: float | None
    contribution: float
    standard_error: float | None
    feature: int
    member: int


@dataclass(frozen=True)
class ExplainedModel:
    """A model whose features are explained, with the sums of its contributions.

    Attributes
    ----------
    member : int
        0, or of an ensemble which of its members, from 1.
    is_exact : bool
        Whether its contributions are computed and not estimated.
    expected_margin, margin : float
        What the contributions begin from, and what they sum to with it.
    features : int
        How many features added anything.
    """

    member: int
    model_name: str
    model_version: int
    library: str
    is_exact: bool
    expected_margin: float
    margin: float
    features: int


@dataclass(frozen=True)
class Triple:
    """What three slices that the network sees at once did to the margin; slices from 0, positions in millimetres.

    Attributes
    ----------
    share, shapley : float or None
        What it adds: an exact share, or an estimate with its `standard_error`.
    change_without : float or None
        How the margin changes when it is left out, exactly.
    tied : int or None
        How many triples change the margin alike, this one included.
    """

    prediction_id: int
    rank: int
    first_slice: int
    last_slice: int
    position_from: float | None
    position_to: float | None
    share: float | None
    shapley: float | None
    standard_error: float | None
    change_without: float | None
    tied: int | None
    triple: int


@dataclass(frozen=True)
class ScoreMap:
    """A map of which places in a slice a score came from, without its numbers."""

    slice_index: int
    position: float | None
    method: str
    map_rows: int
    map_cols: int
    lowest: float
    highest: float


@dataclass(frozen=True)
class MapNumbers:
    """The numbers of a map, and where it lies; rows and columns are those of the slice as it is stored.

    Attributes
    ----------
    first_row, end_row, first_col, end_col : int
        The part of the slice that it lies over, in pixels from 0; the ends are behind the last.
    largest : float
        The size of the largest value in all maps of the score by its method.
    map : bytes
        float32, little-endian, in C order.
    map_sha256 : str
        In hexadecimal.
    """

    method: str
    first_row: int
    end_row: int
    first_col: int
    end_col: int
    map_rows: int
    map_cols: int
    lowest: float
    highest: float
    largest: float
    map: bytes
    map_sha256: str
    image_rows: int
    image_cols: int
    spacing_y: float | None
    spacing_x: float | None
    patient_orientation: str | None


@dataclass(frozen=True)
class Reasons:
    """A score with what is stored of why it is what it is; times in UTC.

    Attributes
    ----------
    is_primary : bool
        Whether its scan is the one that the patient is shown by.
    predicted : float or None
        The number, of a model that predicts one; then there are no probabilities.
    calibration : str or None
        What stands between the margin and the probability.
    scope, scope_reason : str or None
        As of `lungdb_web.queries.scores.Score`.
    margin, reference_margin : float or None
        The model's own value before its link; what the values of slices are compared with.
    triples : int
        How many triples of slices have values.
    explained_at : datetime or None
        None where the score is not explained, and then there is nothing in the lists.
    """

    prediction_id: int
    patient_index: int
    scan_id: int
    is_primary: bool
    model_name: str
    model_version: int
    library: str
    probability_percent: float | None
    raw_percent: float | None
    prevalence: float | None
    predicted: float | None
    calibration: str | None
    margin: float | None
    reference_margin: float | None
    triples: int
    seed: int | None
    permutations: int | None
    explained_at: datetime | None
    explained_by: str | None
    scope: str | None
    scope_reason: str | None
    models: tuple[ExplainedModel, ...]
    features: tuple[Contribution, ...]
    slices: tuple[Triple, ...]
    maps: tuple[ScoreMap, ...]

    def features_of(self, model: ExplainedModel) -> list[Contribution]:
        """Give the features that are told of a model, the one that counts most first."""
        return [feature for feature in self.features if feature.member == model.member]


def read_reasons(call: Call, installed: Installed, prediction_id: int, features: int = 10, slices: int = 10) -> Reasons:
    """Read why a score is what it is, with so many features of each model and so many triples of slices.

    Raises
    ------
    NotInstalled
        The database cannot tell.
    SqlError
        50145: there is no such prediction. 50232: it is explained again and again while it is read.
    """
    if not installed.reads_reasons:
        raise NotInstalled(NO_REASONS)
    with granted_or(NO_REASONS):
        head, models, contributions, triples, maps = _read(call, prediction_id, features, slices)
    (row,) = head.records()
    row["is_primary"] = bool(row["is_primary"])
    return Reasons(
        **row,
        models=tuple(ExplainedModel(**{**model, "is_exact": bool(model["is_exact"])}) for model in models.records()),
        features=tuple(Contribution(**feature) for feature in contributions.records()),
        slices=tuple(Triple(**triple) for triple in triples.records()),
        maps=tuple(ScoreMap(**drawn) for drawn in maps.records()),
    )


def _read(call: Call, *asked: int) -> list[ResultSet]:
    try:
        return call(_READ, *asked)
    except SqlError as error:
        if error.number != ErrorNumber.CHANGED_MEANWHILE:
            raise
    return call(_READ, *asked)


def explain(call: Call, installed: Installed, prediction_id: int, library: str) -> None:
    """Explain a score by all that can be told of its model: of some there are no contributions, of some no estimates.

    Parameters
    ----------
    library : str
        Of the model, as `Reasons` has it: each refusal is a failed run in dbo.runs, so what is known is not tried.

    Raises
    ------
    NotInstalled
        The database does not explain.
    TooBusy
        Too many scores are being explained, pictures drawn or patients compared.
    SqlError
        50145: there is no such prediction. 50371 to 50375, 50394: the score cannot be explained, and
        why. 50232: what it was made of was replaced meanwhile. 50279: values that its model needs are missing.
    """
    if not installed.explains:
        raise NotInstalled(NOT_EXPLAINED_HERE)
    features, permutations = int(library != "onnx"), PERMUTATIONS
    while True:
        try:
            with granted_or(NOT_EXPLAINED_HERE):
                call(_EXPLAIN, prediction_id, features, permutations, lane="comparisons")
        except SqlError as error:
            if features and error.number in (_WITHOUT_FEATURES if permutations else _WITHOUT_EITHER):
                features = 0
            elif permutations and error.number == ErrorNumber.NO_REFERENCE:
                permutations = 0
                if library == "network":  # the contributions of its features are estimates, too
                    features = 0
            else:
                raise
        else:
            return


def render_map(call: Call, installed: Installed, prediction_id: int, number: int, method: str | None = None) -> bytes:
    """Draw a map of a score over its slice, as PNG; without a method the exact one where there is one.

    Raises
    ------
    NotInstalled
        The database does not draw.
    TooBusy
        Too many pictures are being drawn or patients compared.
    SqlError
        50145: there is no such prediction. 50385: there is no such map. 50105: the slice or the map is damaged.
    """
    if not installed.draws_maps:
        raise NotInstalled(NO_MAPS)
    with granted_or(NO_MAPS):
        (drawn,) = call(_RENDER, prediction_id, number, method, lane="comparisons")
    return bytes(drawn.rows[0][-1])


def read_map(
    call: Call, installed: Installed, prediction_id: int, number: int, method: str | None = None
) -> MapNumbers:
    """Read the numbers of a map of a score; without a method the exact one where there is one.

    Raises
    ------
    NotInstalled
        The database has no procedure for it.
    SqlError
        50145: there is no such prediction. 50385: there is no such map.
    """
    if not installed.reads_maps:
        raise NotInstalled(NO_OVERLAYS)
    with granted_or(NO_OVERLAYS):
        (found,) = call(_MAP, prediction_id, number, method)
    (row,) = found.records()
    return MapNumbers(**{**row, "map": bytes(row["map"])})
