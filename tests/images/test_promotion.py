"""The name of a model of pictures stands for its champion, which training another version does not change."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import accuracy_score

from lungdb.database import Connection, run
from tests.images.conftest import add_picture, draw
from tests.images.test_training import add_three_classes
from tests.support.databases import refused, rows, said

SCORED = "SELECT DISTINCT image_classifier_id FROM dbo.image_scores WHERE part = 'new' ORDER BY image_classifier_id;"
PREDICT = "EXECUTE dbo.PredictImages;"
SERVED = "SELECT version, newest_version, why FROM dbo.served_image_models;"


def _train(connection: Connection, others: str = "") -> None:
    run(connection, f"EXECUTE dbo.TrainImageClassifier @L2 = 10{others};")


def test_the_first_version_is_served_until_another_is_promoted(pictures: Connection) -> None:
    """A second training changes no score; its promotion does, and a message says which version gives the scores."""
    add_three_classes(pictures)
    _train(pictures)
    _train(pictures, ", @Seed = 5")
    add_picture(pictures, "later", draw(np.random.default_rng(1), [0], 2.0))
    assert "version 1, the champion, gives the scores" in said(pictures, PREDICT)
    assert rows(pictures, SCORED) == [(1,)]
    run(pictures, "EXECUTE dbo.PromoteImageClassifier @Force = 1;")
    assert rows(pictures, SERVED) == [(2, 2, "the champion")]
    assert "version 2, the champion, gives the scores" in said(pictures, PREDICT)
    assert rows(pictures, SCORED) == [(1,), (2,)]
    assert "is the champion already" in said(pictures, "EXECUTE dbo.PromoteImageClassifier;")


def test_the_setting_newest_serves_the_last_trained(pictures: Connection) -> None:
    """As the original did; what else stands in the setting is refused."""
    add_three_classes(pictures)
    _train(pictures)
    _train(pictures, ", @Seed = 5")
    run(pictures, "UPDATE dbo.settings SET value = N'newest' WHERE name = N'serve';")
    assert "version 2, the newest, gives the scores" in said(pictures, PREDICT)
    assert rows(pictures, SERVED) == [(2, 2, "the newest")]
    run(pictures, "UPDATE dbo.settings SET value = N'oldest' WHERE name = N'serve';")
    assert "'oldest'" in refused(pictures, PREDICT, 50101)


def test_a_less_accurate_version_is_refused_by_accuracies_of_scikit_learn(pictures: Connection) -> None:
    """On the out-of-fold scores of the same pictures; forced, it is recorded as such."""
    add_three_classes(pictures, signal=1.5)
    run(pictures, "EXECUTE dbo.TrainImageClassifier @Algorithm = N'lightgbm', @Seed = 3;")
    _train(pictures)
    labels = dict(rows(pictures, "SELECT name, label FROM dbo.images;"))
    accuracies = []
    for model in (1, 2):
        told: dict[str, tuple[float, int]] = {}
        query = "SELECT name, label, score FROM dbo.image_scores WHERE image_classifier_id = ? AND part = 'train';"
        for name, label, score in rows(pictures, query, (model,)):
            told[name] = max(told.get(name, (-1.0, -1)), (score, label))
        accuracies.append(accuracy_score([labels[name] for name in told], [label for _, label in told.values()]))
    assert accuracies[1] < accuracies[0]
    message = refused(pictures, "EXECUTE dbo.PromoteImageClassifier @Version = 2;", 50141)
    assert f"{accuracies[1]:.4f}" in message
    assert f"{accuracies[0]:.4f}" in message
    assert rows(pictures, SERVED) == [(1, 2, "the champion")]
    run(pictures, "EXECUTE dbo.PromoteImageClassifier @Version = 2, @Force = 1;")
    [(value, before, forced)] = rows(
        pictures, "SELECT value, previous_value, forced FROM dbo.image_promotions WHERE image_classifier_id = 2;"
    )
    assert (value, before, bool(forced)) == (*reversed(accuracies), True)
    # The more accurate one needs no force.
    run(pictures, "EXECUTE dbo.PromoteImageClassifier @Version = 1;")
    assert rows(pictures, SERVED) == [(1, 2, "the champion")]


def test_versions_of_other_pictures_cannot_be_compared(pictures: Connection) -> None:
    """One picture more is enough."""
    add_three_classes(pictures)
    _train(pictures)
    add_picture(pictures, "one more", draw(np.random.default_rng(1), [0], 2.0), [0], part="train")
    _train(pictures)
    assert "cannot be compared" in refused(pictures, "EXECUTE dbo.PromoteImageClassifier;", 50144)
    assert rows(pictures, SERVED) == [(1, 2, "the champion")]


def test_pictures_whose_class_was_changed_cannot_be_compared(pictures: Connection) -> None:
    """The same pictures, but not as many of each class."""
    add_three_classes(pictures)
    _train(pictures)
    run(
        pictures,
        "UPDATE dbo.images SET label = 4 WHERE name = N'picture 003';"
        "UPDATE dbo.image_labels SET label = 4 WHERE name = N'picture 003';",
    )
    run(pictures, "UPDATE dbo.image_splits SET part = 'train' WHERE name = N'picture 003';")
    _train(pictures)
    assert "cannot be compared" in refused(pictures, "EXECUTE dbo.PromoteImageClassifier;", 50144)


def test_pictures_of_several_labels_that_were_changed_cannot_be_compared(pictures: Connection) -> None:
    """There is no confusion matrix of them; versions of the same pictures and labels are compared all the same."""
    rng = np.random.default_rng(5)
    run(pictures, "BEGIN TRANSACTION;")
    for index in range(48):
        classes = [place for place in range(3) if rng.random() < 0.5] or [index % 3]
        add_picture(pictures, f"p{index:02}", draw(rng, classes, 4.0), classes, part="test" if index < 8 else "train")
    run(pictures, "COMMIT TRANSACTION;")
    _train(pictures)
    _train(pictures)
    run(pictures, "EXECUTE dbo.PromoteImageClassifier @Version = 2;")
    run(pictures, "DELETE FROM dbo.image_labels WHERE label = 1 AND name IN (SELECT name FROM "
        "dbo.image_labels WHERE name > N'p20' GROUP BY name HAVING COUNT(*) > 1);")  # fmt: skip
    _train(pictures)
    assert "cannot be compared" in refused(pictures, "EXECUTE dbo.PromoteImageClassifier;", 50144)
    assert rows(pictures, SERVED) == [(2, 3, "the champion")]


def test_the_version_that_was_served_stays_served_where_none_was_promoted(pictures: Connection) -> None:
    """As in a database whose versions are older than promotions; storing another changes no score."""
    add_three_classes(pictures)
    _train(pictures)
    _train(pictures)
    run(pictures, "DELETE FROM dbo.image_promotions;")
    assert rows(pictures, SERVED) == [(2, 2, "the newest")]
    _train(pictures)
    assert rows(pictures, SERVED) == [(2, 3, "the champion")]
    assert rows(pictures, "SELECT metric FROM dbo.image_promotions;") == [("served before",)]


def test_what_is_no_version_is_refused(pictures: Connection) -> None:
    """By number, with what there is."""
    add_three_classes(pictures)
    _train(pictures)
    assert "with a version 7" in refused(pictures, "EXECUTE dbo.PromoteImageClassifier @Version = 7;", 50300)
    assert "'others'" in refused(pictures, "EXECUTE dbo.PromoteImageClassifier @ModelName = N'others';", 50300)
    assert "image_classes 1" in refused(pictures, "EXECUTE dbo.PredictImages @ModelName = N'others';", 50300)
