"""What the API gives of models: one schema for each kind of document."""

from __future__ import annotations

from marshmallow import Schema, fields

from lungdb_web.api.fields import entries, moment, number, share, text, truth, whole


class Model(Schema):
    """A version of a model."""

    id = whole("The number of this version among all models, by which it has an address.", 3, least=1)
    name = text("The model's name.", "lightgbm_sql")
    version = whole("Its version.", 2, least=1)
    is_champion = truth("Whether it is the champion, which the name alone stands for by default.", True)
    library = text("The library that it was trained with.", "lightgbm")
    network = text("The network that makes its features.", "resnet18")
    network_version = whole("The network's version.", 1, least=1)
    layer = text("The layer that the features are taken from.", "/Flatten_output_0")
    preprocessing = text("How slices become the network's input.", "lung")
    pooling = text("How the features of slices become one vector.", "mean")
    width = whole("Features a patient.", 512, least=1)
    created_at = moment("When it was trained, in UTC.")
    run_by = text("Who trained it.", "sa", null=True)
    predictions = whole("Scores that it has given.", 128)
    test_auc = share("Area under its ROC curve on the test patients.", 0.87, null=True)
    test_auc_low = share("Lower end of the area's 95 % interval.", 0.79, null=True)
    test_auc_high = share("Upper end of the area's 95 % interval.", 0.95, null=True)
    test_log_loss = number("Mean log loss on the test patients.", 0.41, null=True)
    test_brier = share("Brier score on the test patients.", 0.13, null=True)


class Models(Schema):
    """Every version of every model."""

    items = entries(Model, "The versions, by name, the newest first.")


class Figure(Schema):
    """A measured figure of a version."""

    part = text("The patients that it is measured on.", "test")
    metric = text("What was measured.", "average_precision")
    value = number("The value; null where it is not defined.", 0.81, null=True)


class ModelDetails(Model):
    """A version of a model: what it is made of, and the figures of its training run."""

    sha256 = text("SHA-256 of the model, in hex.")
    network_sha256 = text("SHA-256 of the network, in hex.")
    experiment_id = whole("The number of the training run.", 3, null=True, least=1)
    seed = whole("The seed of the training run.", 0, null=True)
    parameters = fields.Dict(required=True, metadata={"description": "The parameters of the training run."})
    started_at = moment("When training began, in UTC.", null=True)
    ended_at = moment("When training ended, in UTC.", null=True)
    figures = entries(Figure, "The figures, by part and metric.")


class Point(Schema):
    """A point of a curve."""

    x = number("The value across; null where it is not defined.", 0.1, null=True)
    y = number("The value up; null where it is not defined.", 0.72, null=True)
    patients = whole("Patients in a bin of a calibration curve; null for the other curves.", null=True)


class Curve(Schema):
    """A curve of a version."""

    part = text("The patients that it is measured on.", "test")
    curve = text("Which curve: roc, precision_recall, calibration, calibration_raw or one of training.", "roc")
    points = entries(Point, "The points, in order.")


class Curves(Schema):
    """The curves of a version."""

    items = entries(Curve, "The curves, by part and name.")
