"""TrainImageClassifier learns classes and several labels, splits by source, and measures as scikit-learn does."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler

from lungdb.database import Connection, run
from tests.images.conftest import add_network, add_picture, draw
from tests.support.databases import refused, rows, said

TRAIN = "EXECUTE dbo.TrainImageClassifier @L2 = 10"
SCORES = """
SELECT name, part, label, score FROM dbo.image_scores WHERE image_classifier_id = ? ORDER BY part, name, label;
"""


def add_three_classes(connection: Connection, count: int = 90, signal: float = 2.0) -> dict[str, np.ndarray]:
    """Add pictures of the classes 0, 4 and 9, a third of them for testing; gives their vectors by name."""
    rng = np.random.default_rng(3)
    vectors = {}
    run(connection, "BEGIN TRANSACTION;")
    for index in range(count):
        place = index % 3
        name = f"picture {index:03}"
        vectors[name] = draw(rng, [place], signal)
        add_picture(connection, name, vectors[name], [(0, 4, 9)[place]], part="test" if index % 9 < 3 else "train")
    run(connection, "COMMIT TRANSACTION;")
    return vectors


def scores_of(connection: Connection, model: int = 1) -> dict[str, tuple[str, list[float]]]:
    """Give part and scores by picture, in the order of the classes."""
    found: dict[str, tuple[str, list[float]]] = {}
    for name, part, _, score in rows(connection, SCORES, (model,)):
        found.setdefault(name, (part, []))[1].append(score)
    return found


def test_three_classes_score_as_scikit_learn_fits_them(pictures: Connection) -> None:
    """One logistic regression a class against the rest, brought to the sum 1: within 1e-6 on the part test."""
    vectors = add_three_classes(pictures)
    run(pictures, f"{TRAIN}, @ModelName = N'three';")
    labels = dict(rows(pictures, "SELECT name, label FROM dbo.images;"))
    found = scores_of(pictures)
    train = [name for name, (part, _) in found.items() if part == "train"]
    test = [name for name, (part, _) in found.items() if part == "test"]
    assert (len(train), len(test)) == (60, 30)
    learnt = np.array([vectors[name] for name in train], dtype=np.float64)
    scaler = StandardScaler().fit(learnt)
    reference = OneVsRestClassifier(LogisticRegression(C=0.1, tol=1e-12, max_iter=10000))
    reference.fit(scaler.transform(learnt), [labels[name] for name in train])
    wanted = reference.predict_proba(scaler.transform(np.array([vectors[name] for name in test], dtype=np.float64)))
    assert np.abs(np.array([found[name][1] for name in test]) - wanted).max() < 1e-6
    assert {round(sum(scores), 9) for _, scores in found.values()} == {1.0}


def test_figures_are_those_of_scikit_learn_on_the_stored_scores(pictures: Connection) -> None:
    """Confusion matrix in counts and percent of the class, accuracy, macro F1, each class's figures, of each part."""
    add_three_classes(pictures, signal=1.5)
    run(pictures, f"{TRAIN};")
    labels = dict(rows(pictures, "SELECT name, label FROM dbo.images;"))
    classes = np.array([0, 4, 9])
    for part in ("train", "test"):
        found = {name: scores for name, (of, scores) in scores_of(pictures).items() if of == part}
        truth = [labels[name] for name in found]
        told = classes[np.array(list(found.values())).argmax(axis=1)]
        stored = rows(
            pictures,
            "SELECT pictures, percentage FROM dbo.image_confusions WHERE part = ? ORDER BY label, predicted;",
            (part,),
        )
        matrix = confusion_matrix(truth, told)
        assert [count for count, _ in stored] == matrix.ravel().tolist()
        shares = 100 * matrix / matrix.sum(axis=1, keepdims=True)
        assert [share for _, share in stored] == pytest.approx(shares.ravel().tolist())
        query = "SELECT label, metric, value FROM dbo.image_metrics WHERE part = ?;"
        figures = {(label, metric): value for label, metric, value in rows(pictures, query, (part,))}
        assert figures[-1, "accuracy"] == pytest.approx(accuracy_score(truth, told))
        assert figures[-1, "macro_f1"] == pytest.approx(f1_score(truth, told, average="macro"))
        for metric, function in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
            wanted = function(truth, told, average=None, labels=classes)
            assert [figures[label, metric] for label in classes.tolist()] == pytest.approx(wanted.tolist())
        assert 0.4 < figures[-1, "accuracy"] < 1


def test_several_labels_a_picture_are_told_one_by_one(pictures: Connection) -> None:
    """Each class at 0.5: figures are scikit-learn's of several labels, and there is no confusion matrix."""
    rng = np.random.default_rng(5)
    run(pictures, "BEGIN TRANSACTION;")
    for index in range(80):
        classes = [place for place in range(3) if rng.random() < 0.5] or [index % 3]
        part = "test" if index % 4 == 0 else "train"
        add_picture(pictures, f"p{index:02}", draw(rng, classes, 2.0), classes, part=part)
    run(pictures, "COMMIT TRANSACTION;")
    run(pictures, f"{TRAIN};")
    truth: dict[str, list[int]] = {}
    for name, label in rows(pictures, "SELECT name, label FROM dbo.image_truth;"):
        truth.setdefault(name, [0, 0, 0])[label] = 1
    found = {name: scores for name, (part, scores) in scores_of(pictures).items() if part == "test"}
    told = (np.array(list(found.values())) >= 0.5).astype(int)
    wanted = np.array([truth[name] for name in found])
    query = "SELECT label, metric, value FROM dbo.image_metrics WHERE part = 'test';"
    figures = {(label, metric): value for label, metric, value in rows(pictures, query)}
    assert figures[-1, "macro_f1"] == pytest.approx(f1_score(wanted, told, average="macro"))
    assert [figures[label, "f1"] for label in range(3)] == pytest.approx(f1_score(wanted, told, average=None).tolist())
    # A picture of which nothing is told, and one that has exactly its classes, count as scikit-learn counts them.
    assert figures[-1, "accuracy"] == pytest.approx(accuracy_score(wanted, told))
    assert figures[-1, "macro_f1"] > 0.7
    assert rows(pictures, "SELECT COUNT(*) FROM dbo.image_confusions;") == [(0,)]


@pytest.mark.parametrize("classes", [2, 3])
def test_lightgbm_learns_classes_too(pictures: Connection, classes: int) -> None:
    """Nine of ten held-out pictures are told right, and the scores of a picture sum to 1."""
    rng = np.random.default_rng(6)
    run(pictures, "BEGIN TRANSACTION;")
    for index in range(150):
        part = "test" if index % 5 == 0 else "train"
        add_picture(pictures, f"p{index:03}", draw(rng, [index % classes], 5.0), [index % classes], part=part)
    run(pictures, "COMMIT TRANSACTION;")
    run(pictures, "EXECUTE dbo.TrainImageClassifier @Algorithm = N'lightgbm', @MaxIterations = 40;")
    query = "SELECT value FROM dbo.image_metrics WHERE part = 'test' AND metric = N'accuracy';"
    assert rows(pictures, query)[0][0] >= 0.9
    assert {round(sum(scores), 6) for _, scores in scores_of(pictures).values()} == {1.0}


def test_no_patient_or_group_is_in_two_parts_or_folds(pictures: Connection) -> None:
    """Three pictures of each of forty sources: patients go by dbo.splits, groups together, and folds keep them."""
    rng = np.random.default_rng(7)
    run(pictures, "BEGIN TRANSACTION;")
    for index in range(120):
        source = index // 3
        kind = {"patient": f"P{source}"} if source % 2 else {"group": f"G{source}", "order": index}
        add_picture(pictures, f"p{index:03}", draw(rng, [source // 2 % 2]), [source // 2 % 2], **kind)
    run(pictures, "COMMIT TRANSACTION;")
    run(pictures, f"{TRAIN}, @Pooling = N'none', @Folds = 4;")
    spread = rows(
        pictures,
        "SELECT i.source, COUNT(DISTINCT s.part), COUNT(DISTINCT COALESCE(s.fold, -1)), COUNT(DISTINCT s.name) "
        "FROM dbo.image_scores AS s INNER JOIN dbo.image_sources AS i ON i.name = s.name GROUP BY i.source;",
    )
    assert len(spread) == 40
    assert {row[1:] for row in spread} == {(1, 1, 3)}
    assert rows(
        pictures,
        "SELECT COUNT(*) FROM dbo.image_scores AS s INNER JOIN dbo.images AS i ON i.name = s.name "
        "INNER JOIN dbo.splits AS sp ON sp.patient_id = i.patient_id WHERE s.part <> sp.part;",
    ) == [(0,)]


def test_pictures_of_a_group_are_pooled_in_their_order(pictures: Connection) -> None:
    """A film is one row of the scores, made of the mean of its frames: the scores are those of the means alone."""
    rng = np.random.default_rng(8)
    means = {}
    run(pictures, "BEGIN TRANSACTION;")
    for film in range(40):
        frames = [draw(rng, [film % 2], 1.0) for _ in range(3)]
        name, part = f"film {film:02}", "test" if film % 4 == 0 else "train"
        means[name] = np.mean(np.array(frames, dtype=np.float64), axis=0).astype(np.float32)
        for place, frame in enumerate(frames):
            # The first frame alone has the label, and frames are not inserted in their order.
            labels = [film % 2] if place == 0 else []
            add_picture(pictures, f"{film}/{2 - place}", frame, labels, group=name, order=9 - place, part=part)
    run(pictures, "COMMIT TRANSACTION;")
    run(pictures, f"{TRAIN};")
    pooled = scores_of(pictures)
    assert pooled.keys() == means.keys()
    run(
        pictures,
        "DELETE FROM dbo.images; DELETE FROM dbo.image_features;" if False else "DELETE FROM dbo.image_features;",
    )
    run(pictures, "DELETE FROM dbo.images;")
    run(pictures, "BEGIN TRANSACTION;")
    for film, (name, mean) in enumerate(means.items()):
        add_picture(pictures, name, mean, [film % 2], group=name, order=0)
    run(pictures, "COMMIT TRANSACTION;")
    run(pictures, f"{TRAIN};")
    for name, (part, scores) in scores_of(pictures, 2).items():
        assert pooled[name][0] == part
        assert pooled[name][1] == pytest.approx(scores, abs=1e-6)


def test_a_class_that_lies_in_the_order_of_frames_needs_a_pooling_that_keeps_it(pictures: Connection) -> None:
    """Films that rise and films that fall have one mean: thirds tell them apart, mean does not."""
    rng = np.random.default_rng(11)
    run(pictures, "BEGIN TRANSACTION;")
    for film in range(60):
        slope = (-1, 1)[film % 2] * np.array([-2.0, 0.0, 2.0])
        for place in range(3):
            vector = (rng.normal(size=6) + slope[place]).astype(np.float32)
            part = "test" if film % 3 == 0 else "train"
            add_picture(
                pictures, f"{film:02}/{place}", vector, [film % 2], group=f"film {film}", order=place, part=part
            )
    run(pictures, "COMMIT TRANSACTION;")
    run(pictures, f"{TRAIN};")
    run(pictures, f"{TRAIN}, @Pooling = N'thirds';")
    query = "SELECT value FROM dbo.image_metrics WHERE part = 'test' AND metric = N'accuracy' "
    mean, thirds = (value for (value,) in rows(pictures, query + "ORDER BY image_classifier_id;"))
    assert thirds >= 0.95
    assert mean < 0.8


def test_undersampling_learns_as_if_classes_were_equally_frequent(pictures: Connection) -> None:
    """With nine of ten pictures in one class, the rare class is found far more often with it than without."""
    rng = np.random.default_rng(9)
    run(pictures, "BEGIN TRANSACTION;")
    for index in range(300):
        rare = index % 10 == 0
        add_picture(
            pictures,
            f"p{index:03}",
            draw(rng, [int(rare)], 1.2),
            [int(rare)],
            part="test" if index // 10 % 2 else "train",
        )
    run(pictures, "COMMIT TRANSACTION;")
    run(pictures, f"{TRAIN};")
    run(pictures, f"{TRAIN}, @Undersample = 1;")
    query = "SELECT value FROM dbo.image_metrics WHERE part = 'test' AND label = 1 AND metric = N'recall' "
    plain, undersampled = (value for (value,) in rows(pictures, query + "ORDER BY image_classifier_id;"))
    assert undersampled > plain + 0.2
    details = rows(pictures, "SELECT details FROM dbo.image_classifiers WHERE version = 2;")[0][0]
    assert json.loads(details)["parameters"]["undersample"] is True


def test_labels_that_mean_nothing_give_chance(pictures: Connection) -> None:
    """The mean out-of-fold accuracy over ten draws of labels is within three standard errors of a half."""
    rng = np.random.default_rng(10)
    run(pictures, "BEGIN TRANSACTION;")
    for index in range(100):
        add_picture(pictures, f"p{index:03}", draw(rng, []), [index % 2], group=f"g{index // 2}", part="train")
    run(pictures, "COMMIT TRANSACTION;")
    found = []
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(100)
        for index in range(100):
            run(pictures, "UPDATE dbo.images SET label = ? WHERE name = ?;", (int(order[index] % 2), f"p{index:03}"))
        run(pictures, f"{TRAIN}, @Pooling = N'none', @Seed = {seed};")
        query = "SELECT value FROM dbo.image_metrics WHERE part = 'train' AND metric = N'accuracy' "
        found.append(rows(pictures, query + "ORDER BY image_classifier_id DESC;")[0][0])
    assert abs(np.mean(found) - 0.5) < 3 * np.sqrt(0.25 / (100 * len(found)))


def test_a_class_that_only_test_pictures_have_is_told_of_none(pictures: Connection) -> None:
    """It has a row of the confusion matrix and a recall of 0; the others are told as before."""
    add_three_classes(pictures)
    run(
        pictures,
        "UPDATE dbo.image_splits SET part = 'test' WHERE name IN (SELECT name FROM dbo.images WHERE label = 9);",
    )
    run(pictures, f"{TRAIN};")
    query = "SELECT metric, value FROM dbo.image_metrics WHERE part = 'test' AND label = 9;"
    figures = dict(rows(pictures, query))
    assert (figures["examples"], figures["told"], figures["recall"], figures["precision"]) == (30, 0, 0, None)
    assert len(rows(pictures, "SELECT 1 FROM dbo.image_confusions WHERE part = 'test';")) == 9
    assert {len(scores) for _, scores in scores_of(pictures).values()} == {2}


REFUSED = {
    "an unknown algorithm": ("", f"{TRAIN}, @Algorithm = N'forest';", 50101, "'forest'"),
    "an unknown pooling": ("", f"{TRAIN}, @Pooling = N'median';", 50101, "median"),
    "several wrong values": ("", "EXECUTE dbo.TrainImageClassifier @Folds = 1, @L2 = 0;", 50101, "@L2"),
    "a parameter of the other algorithm": ("", f"{TRAIN}, @NumLeaves = 3;", 50101, "@NumLeaves"),
    "a transaction": ("", f"BEGIN TRANSACTION; {TRAIN};", 50100, "transaction"),
    "an unknown data set": ("", f"{TRAIN}, @Dataset = N'%none';", 50171, "'%none'"),
    "a data set of examples": (
        "INSERT INTO dbo.datasets (name, kind) VALUES (N'digits', 'examples');",
        f"{TRAIN}, @Dataset = N'digits';",
        50273,
        "examples",
    ),
    "an unknown network": ("", f"{TRAIN}, @NetworkName = N'none';", 50117, "'none'"),
    "one class": ("UPDATE dbo.images SET label = 1;", f"{TRAIN};", 50112, "one class"),
    "no labels": ("DELETE FROM dbo.image_labels; UPDATE dbo.images SET label = NULL;", f"{TRAIN};", 50111, "label"),
    "too few of a class": (
        "UPDATE dbo.images SET label = 0 WHERE label = 9 AND name > N'picture 006';",
        f"{TRAIN};",
        50113,
        "rarest class 1",
    ),
    "features missing": (
        "DELETE FROM dbo.image_features WHERE name < N'picture 003';",
        f"{TRAIN};",
        50140,
        "3 pictures",
    ),
    "damaged features": ("UPDATE dbo.image_features SET sha256 = 0x00;", f"{TRAIN};", 50116, "SHA-256"),
    "a group of two labels": ("UPDATE dbo.images SET group_name = N'g%';", f"{TRAIN};", 50301, "'g%'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_training_is_refused_and_nothing_is_stored(pictures: Connection, case: str) -> None:
    """With number, value and remedy."""
    add_three_classes(pictures)
    run(pictures, "EXECUTE dbo.AssignSplits;")
    before, call, number, text = REFUSED[case]
    if before:
        run(pictures, before)
        run(pictures, "EXECUTE dbo.AssignSplits;")
    assert text in refused(pictures, call, number)


def test_which_features_is_never_guessed(pictures: Connection) -> None:
    """Two networks with features of pictures need a name, or the setting; the message says which is taken."""
    add_three_classes(pictures)
    run(pictures, "EXECUTE dbo.AssignSplits;")
    add_network(pictures, "other")
    run(
        pictures,
        "INSERT INTO dbo.image_features (name, feature_set_id, array_rows, array_cols, array, sha256) "
        "SELECT name, 2, array_rows, array_cols, array, sha256 FROM dbo.image_features;",
    )
    assert "network made up layer penultimate; network other" in refused(pictures, f"{TRAIN};", 50281)
    assert "network other" in said(pictures, f"{TRAIN}, @NetworkName = N'other';")
    run(pictures, "DELETE FROM dbo.settings WHERE name = N'default_network';")
    run(pictures, "INSERT INTO dbo.settings (name, value) VALUES (N'default_network', N'made up');")
    assert "network made up" in said(pictures, f"{TRAIN};")
    assert rows(pictures, "SELECT feature_set_id FROM dbo.image_classifiers ORDER BY version;") == [(2,), (1,)]


def test_a_data_set_limits_what_is_learnt_from(pictures: Connection) -> None:
    """Only its pictures have scores; that one of them was replaced since is said."""
    add_three_classes(pictures)
    query = "SELECT name FROM dbo.images WHERE name < N''picture 060''"
    run(pictures, f"EXECUTE dbo.CreateDataset @Name = N'some', @Query = N'{query}';")
    run(
        pictures,
        "UPDATE dbo.images SET image = 0x01, sha256 = HASHBYTES('SHA2_256', 0x01) WHERE name = N'picture 000';",
    )
    assert "1 pictures of the data set some were replaced" in said(pictures, f"{TRAIN}, @Dataset = N'some';")
    assert len(scores_of(pictures)) == 60
    assert rows(pictures, "SELECT dataset_version_id FROM dbo.image_classifiers;")[0][0] is not None


def test_new_pictures_are_scored_and_what_was_trained_on_keeps_its_scores(pictures: Connection) -> None:
    """PredictImages gives every score, stores the new ones only, and scores a replaced picture again."""
    vectors = add_three_classes(pictures)
    run(pictures, f"{TRAIN};")
    trained = scores_of(pictures)
    add_picture(pictures, "new", vectors["picture 000"])
    found = rows(pictures, "EXECUTE dbo.PredictImages;")
    assert len(found) == 3 * 91
    new = {label: score for name, _, part, label, _, score in found if name == "new" and part == "new"}
    # Its features are those of a test picture, which the same model has scored.
    assert trained["picture 000"][0] == "test"
    assert list(new.values()) == pytest.approx(trained["picture 000"][1], abs=1e-12)
    assert {name: scores for name, scores in scores_of(pictures).items() if name != "new"} == trained
    run(
        pictures,
        "UPDATE dbo.images SET image = 0x01, sha256 = HASHBYTES('SHA2_256', 0x01) WHERE name = N'picture 001';",
    )
    parts = {
        part for name, _, part, *_ in rows(pictures, "EXECUTE dbo.PredictImages @Version = 1;") if name == "picture 001"
    }
    assert parts == {"new"}
    assert "version 1, the champion" in said(pictures, "EXECUTE dbo.PredictImages;")


def test_a_model_of_pictures_that_is_not_there_or_damaged_is_refused(pictures: Connection) -> None:
    """By number, with those that are there; and features of another width."""
    vectors = add_three_classes(pictures)
    run(pictures, f"{TRAIN};")
    assert "image_classes 1" in refused(pictures, "EXECUTE dbo.PredictImages @ModelName = N'%none';", 50300)
    refused(pictures, "EXECUTE dbo.PredictImages @Version = 7;", 50300)
    add_picture(pictures, "new", vectors["picture 000"])
    run(pictures, "UPDATE dbo.image_classifiers SET model = 0x00;")
    assert "SHA-256" in refused(pictures, "EXECUTE dbo.PredictImages;", 50105)
