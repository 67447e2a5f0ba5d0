"""What the API gives of why a score is what it is: one schema for each kind of document."""

from __future__ import annotations

from marshmallow import Schema

from lungdb_web.api.fields import choice, count, entries, moment, number, share, text, truth, whole
from lungdb_web.api.schemas import LARGEST_PAGE
from lungdb_web.pages.reasons import METHODS


class ReasonsQuery(Schema):
    """How much of an explanation."""

    features = count("Features to return of each model, those that count most.", 10, LARGEST_PAGE)
    slices = count("Triples of slices to return, those that count most.", 10, LARGEST_PAGE)


class MapQuery(Schema):
    """Which map of a slice."""

    method = choice("How the map was made; the exact one, gradcam, where it is left out and there is one.", METHODS)


class ExplainedModel(Schema):
    """A model whose features are explained. Its contributions sum to its margin, with the expected margin."""

    member = whole("0, or of an ensemble which of its members, from 1.", 0)
    model_name = text("The model.", "lightgbm_sql")
    model_version = whole("Its version.", 2, least=1)
    library = text("The library that it was trained with.", "lightgbm")
    is_exact = truth("Whether its contributions are exact; else they are estimates.", True)
    expected_margin = number("What its contributions begin from.", -0.8)
    margin = number("What they sum to with that.", 0.4)
    features = whole("How many features added anything.", 31)


class Contribution(Schema):
    """What a feature added to the margin of the model that reads it."""

    member = whole("The model among those above.", 0)
    feature = whole("The feature's position in what the model reads.", 413)
    name = text("Its name: of a column its own, else network, layer, preprocessing, pooling and number.", "age")
    value = number("Its value; null where it is missing.", 61.0, null=True)
    contribution = number("What it added; below 0 it lowered the score.", 0.31)
    standard_error = number("Of an estimate; null of what is exact, and where permutations were too few.", null=True)


class ExplainedTriple(Schema):
    """What three slices that the network sees at once did to the margin."""

    triple = whole("The triple, from 0.", 4)
    first_slice = whole("Its first slice, from 0 at the feet.", 12)
    last_slice = whole("Its last slice.", 14)
    position_from = number("Where the first lies along the scan, in millimetres.", null=True)
    position_to = number("Where the last lies.", null=True)
    share = number("What it adds exactly, of a logistic regression.", null=True)
    shapley = number("What it adds, an estimate.", 0.12, null=True)
    standard_error = number("The estimate's standard error.", 0.02, null=True)
    change_without = number("How the margin changes without it, exactly; below 0 where it raised.", -0.2, null=True)
    tied = whole("How many triples change the margin alike, this one included.", 1, null=True)


class ScoreMap(Schema):
    """A map of which places in a slice a score came from; its picture is at /maps/ and the number of the slice."""

    slice = whole("The slice, from 0 at the feet.", 13)
    position = number("Where it lies along the scan, in millimetres.", null=True)
    method = text("gradcam: exact shares of a linear model; occlusion: what hiding a place takes away.", "occlusion")
    map_rows = whole("Rows of the map.", 16, least=1)
    map_cols = whole("Columns of the map.", 16, least=1)
    lowest = number("Its lowest value, in units of the margin.", -0.1)
    highest = number("Its highest value.", 0.3)


class ScoreReasons(Schema):
    """Why a score is what it is. What the numbers mean, and do not, is in the project's docs/explaining.md.

    They are in units of the margin: log-odds before calibration, of a regression the number itself. They say what the
    model did, and nothing about causes.
    """

    id = whole("The number of the prediction.", 41, least=1)
    patient_index = whole("The patient's index.", 7)
    is_primary = truth("Whether its scan is the one that the API gives of the patient.", True)
    model_name = text("The model.", "lightgbm_sql")
    model_version = whole("The model's version.", 2, least=1)
    library = text("The library that it was trained with.", "lightgbm")
    probability = share("The probability of cancer: calibrated, corrected where a prevalence is set.", 0.31, null=True)
    raw_probability = share("The sigmoid of the margin.", 0.28, null=True)
    prevalence = share("The share of cancers that it was corrected to; null for no correction.", null=True)
    predicted = number("The number that a regression predicts.", null=True)
    calibration = text("What stands between margin and probability; null: nothing.", "platt", null=True)
    margin = number("The model's own value before its link.", -0.94, null=True)
    reference_margin = number(
        "That of the mean training scan with this scan's own columns, with which slices are compared.", -1.2, null=True
    )
    triples = whole("Triples of slices that have values.", 45)
    permutations = whole("Of the estimates; 0: none were made.", 32, null=True)
    seed = whole("Of the permutations.", 20170401, null=True)
    explained_at = moment("When it was explained, in UTC.")
    explained_by = text("The account or login that asked for it.", "dr.jones", null=True)
    models = entries(ExplainedModel, "Models whose features are explained; empty where only slices are.")
    features = entries(Contribution, "The features that count most, of each model.")
    slices = entries(ExplainedTriple, "The triples of slices that count most.")
    maps = entries(ScoreMap, "All maps, the one with the largest value first.")
