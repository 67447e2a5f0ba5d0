"""What the code blocks of the pages find: a database in which the names that they use mean something, and files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import onnx

from lungdb.cli import load_images, load_network
from lungdb.database import Connection, connect, run, run_script
from lungdb.phantoms.dataset import make_dataset
from tests.support.databases import copy_to, target_of
from tests.support.dense_networks import add_dataset
from tests.support.fixtures import DEMO_NETWORK

FILLED = """
UPDATE dbo.scans SET study_date = DATEADD(DAY, scan_id, '2026-01-01'), slice_thickness = 1, spacing_z = 1;
UPDATE dbo.scans SET manufacturer = N'made up';
UPDATE dbo.patients SET birth_year = 1950 + idx, sex = CASE idx % 2 WHEN 0 THEN N'F' ELSE N'M' END;
UPDATE dbo.settings SET value = N'30' WHERE name = N'test_percent';
EXECUTE dbo.TrainLungCancerModel @MaxIterations = 5, @MinDataInLeaf = 3;
EXECUTE dbo.TrainLungCancerModel @ModelName = N'linear', @Algorithm = N'logistic';
EXECUTE dbo.TrainLungCancerModel @ModelName = N'forest', @Algorithm = N'random_forest', @MaxIterations = 5;
EXECUTE dbo.TrainLungCancerModel @ModelName = N'forest', @Algorithm = N'random_forest', @MaxIterations = 6;
EXECUTE dbo.PromoteModel @ModelName = N'lightgbm_sql';
EXECUTE dbo.PredictPatients;
EXECUTE dbo.PredictPatients @ModelName = N'linear';
EXECUTE dbo.CreateDataset @Name = N'screening', @Part = N'test';
EXECUTE dbo.CreateDataset @Name = N'screening 2025', @Query = N'SELECT scan_id FROM dbo.scans WHERE scan_id < 5';
EXECUTE dbo.CreateDataset @Name = N'thin slices', @Query = N'SELECT scan_id FROM dbo.scans';
EXECUTE dbo.CreateDataset @Name = N'to learn from', @Part = N'train';
EXECUTE dbo.CreateDataset @Name = N'to test on', @Part = N'test';
"""


def fill(folder: Path, done: Path) -> Path:
    """Copy the database of the whole job and give it what most pages speak of."""
    file = copy_to(folder, done)
    for name in ("demo_resnet", "resnet18", "resnet50"):
        _save_network(folder / f"{name}.onnx", name)
        assert load_network.main(["-d", target_of(file), str(folder / f"{name}.onnx"), "--name", name]) == 0
    with closing(connect(target_of(file))) as connection:
        run_script(connection, FILLED)
    return file


def _save_network(file: Path, word: str) -> None:
    """Write the demo network with a word in it, because a database holds a network under one name."""
    model = onnx.load(DEMO_NETWORK)
    model.doc_string = word
    onnx.save(model, file)


def prepare(page: str, target: str, scans: Path, labels: Path, sql_only: Path) -> None:
    """Put into this folder and the database what one page speaks of beside."""
    shutil.copy(labels, "labels.csv")
    shutil.copy(sql_only, "other.db")
    _save_network(Path("my_network.onnx"), "mine")
    if page == "loading.md":
        Path("DIR").symlink_to(scans)
        patient = labels.read_text(encoding="utf-8").splitlines()[1].split(",")[0]
        people = f"patient_id,display_name,sex,birth_year\n{patient},Ana,F,1950\n"
        Path("people.csv").write_text(people, encoding="utf-8")
    elif page in PAGES:
        with closing(connect(target)) as connection:
            PAGES[page](connection, target)


def _load_pictures(connection: Connection, target: str) -> None:
    """Load six pictures of three classes, each with a view, as the data set of faces that the page speaks of."""
    rng = np.random.default_rng(1)
    names = [f"{name}/{place}.png" for name in ("a", "b", "c") for place in range(4)]
    for name in names:
        Path("DIR", name).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(f"DIR/{name}", rng.integers(0, 255, size=(16, 16), dtype=np.uint8))
    rows = [f"{name},{place % 3},{'left' if place % 2 else 'right'}" for place, name in enumerate(names)]
    Path("labels.csv").write_text(
        "\n".join(["name,label", *(row.rsplit(",", 1)[0] for row in rows), ""]), encoding="utf-8"
    )
    Path("list.csv").write_text("\n".join(["path,label,view", *rows, ""]), encoding="utf-8")
    assert load_images.main(["-d", target, "DIR", "--list", "list.csv"]) == 0
    run(connection, "EXECUTE dbo.CreateDataset @Name = N'cmu faces', @Query = N'SELECT name FROM dbo.images';")


def _for_evaluation(connection: Connection, _target: str) -> None:
    old = "UPDATE dbo.scans SET study_date = '2025-06-01' WHERE patient_id IN ({});"
    run(connection, old.format("SELECT patient_id FROM dbo.splits WHERE part <> N'test'"))


def _for_preprocessing(connection: Connection, _target: str) -> None:
    run_script(connection, "EXECUTE dbo.CreateDataset @Name = N'thin', @From = N'thin slices';"
               "EXECUTE dbo.GenerateFeatures @ModelName = N'demo_resnet';")  # fmt: skip


def _for_questions(connection: Connection, _target: str) -> None:
    run(connection, "EXECUTE (N'CREATE VIEW dbo.mine AS SELECT scan_id, scan_id % 2 AS smoker FROM dbo.scans;');")
    make_dataset(Path("made", "scans"), patients=1, seed=7, slices=45, size=64)
    study = next(Path("made", "scans").iterdir())
    Path("study").symlink_to(study)
    shutil.copy(sorted(study.rglob("*.dcm"))[0], "slice.dcm")


def _for_search(connection: Connection, _target: str) -> None:
    run(connection, "EXECUTE dbo.CreateDataset @Name = N'thin', @From = N'thin slices';")
    run(connection, "INSERT INTO dbo.scan_labels (scan_id, horizon_days, label) SELECT s.scan_id, 365, l.label "
        "FROM dbo.scans AS s INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id;")  # fmt: skip


def _for_sql_only(connection: Connection, _target: str) -> None:
    rng = np.random.default_rng(1)
    for name in ("ct_train", "ct_test", "digits_test"):
        add_dataset(connection, name, rng.normal(size=(20, 3)), np.arange(20) % 2)
    np.savez("digits.npz", coefs_0=rng.normal(size=(3, 2)), intercepts_0=np.zeros(2))
    header = json.dumps({
        "0.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "0.bias": {"dtype": "F32", "shape": [2], "data_offsets": [24, 32]},
    }).encode()  # fmt: skip
    Path("net.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(32))


def _for_training(connection: Connection, _target: str) -> None:
    ids = [row[0] for row in run(connection, "SELECT patient_id FROM dbo.patients ORDER BY idx;")[0].rows]
    lines = [f"{patient},{60 + index}" for index, patient in enumerate(ids)]
    Path("clinic.csv").write_text("id,age\n" + "\n".join(lines) + "\n", encoding="utf-8")


def _for_arrival(_connection: Connection, _target: str) -> None:
    Path("DIR").mkdir()


PAGES: dict[str, Callable[[Connection, str], None]] = {
    "arrival.md": _for_arrival,
    "data.md": _load_pictures,
    "evaluation.md": _for_evaluation,
    "images.md": _load_pictures,
    "preprocessing.md": _for_preprocessing,
    "questions.md": _for_questions,
    "search.md": _for_search,
    "sql-only.md": _for_sql_only,
    "training.md": _for_training,
}
