"""The client's database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.client.batches import Batch, check_size, read_batches
from lungdb.client.frames import query, to_frame
from lungdb.client.procedures import Procedures
from lungdb.client.records import Model, Scan
from lungdb.database import Connection, run
from lungdb.database.site import open_installed
from lungdb.errors import LungdbError, Message, escaped
from lungdb.imaging.codecs import content_sha256, decode_slice, decode_vector

_LOT = 32
"""Slices in one call of ReadSlices: 16 MB of pixels at 512 × 512."""
_READ = "EXECUTE dbo.ReadSlices @ScanId = ?, @First = ?, @Last = ?;"


class Database:
    """A database of lungdb, for notebooks and scripts; `lungdb.open` makes one, and ``with`` closes it.

    Attributes
    ----------
    procedures : Procedures
        The stored procedures as functions: ``db.procedures.GenerateFeatures(ModelName="resnet50")``.
    """

    def __init__(self, connection: Connection, on_message: Callable[[Message], None] | None = None) -> None:
        self._connection = connection
        self._on_message = on_message or _say
        self.procedures = Procedures(connection, self._on_message)

    @classmethod
    def open(cls, target: str | None = None, on_message: Callable[[Message], None] | None = None) -> Database:
        """Open a database.

        Parameters
        ----------
        target : str or None
            ``sqlite:///FILE.db`` or an ODBC connection string; None is the site's own, of config.py or LUNGDB_DATABASE.
        on_message : callable, optional
            Called with each message of a procedure as it comes; without it they are printed.

        Raises
        ------
        LungdbError
            It cannot be opened, or lungdb is not installed there.
        """
        return cls(open_installed(target, create=False), on_message)

    def __enter__(self) -> Database:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[pd.DataFrame]:
        """Run a batch of T-SQL, with a ``?`` for each parameter, and give its result sets as data frames.

        Raises
        ------
        SqlError
            The first error of the batch.
        """
        return [to_frame(result) for result in run(self._connection, sql, parameters, self._on_message)]

    def scans(self, dataset: str | None = None, version: int | None = None) -> pd.DataFrame:
        """Give the scans of a data set, or all, as dbo.scan_list has them, by scan_id.

        Raises
        ------
        LungdbError
            There is no such data set, or scans of it were replaced or removed since.
        """
        listed = query(self._connection, "SELECT * FROM dbo.scan_list ORDER BY scan_id;")
        scans: pd.DataFrame = listed.set_index("scan_id")
        if dataset is not None:
            scans = scans.loc[self._members(dataset, version)]
        return scans

    def scan(self, scan_id: int) -> Scan:
        """Give a scan; LungdbError where there is none of that number."""
        (result,) = run(self._connection, "SELECT * FROM dbo.scan_list WHERE scan_id = ?;", (int(scan_id),))
        if not result.rows:
            raise LungdbError(f"There is no scan with the scan_id {scan_id}. scans() lists those that there are.")
        return Scan(self, int(scan_id), result.records()[0])

    def volume(self, scan_id: int, first: int = 0, last: int | None = None) -> NDArray[np.int16]:
        """Read the slices of a scan, each compared with its SHA-256.

        Parameters
        ----------
        first, last : int
            The first and the last slice, from 0; None is the scan's last.

        Returns
        -------
        int16[slices, rows, cols]
            Hounsfield units, from feet to head.

        Raises
        ------
        LungdbError
            The scan or a slice is not there, or is damaged.
        """
        facts = self.scan(scan_id).facts
        rows, cols, there = (int(facts[name]) for name in ("image_rows", "image_cols", "slices"))
        last = there - 1 if last is None else last
        if not 0 <= first <= last < there:
            raise LungdbError(f"Scan {scan_id} has no slices {first} to {last}; they run from 0 to {there - 1}.")
        volume = np.empty((last - first + 1, rows, cols), np.int16)
        hashes = []
        for start in range(first, last + 1, _LOT):
            (result,) = run(self._connection, _READ, (int(scan_id), start, min(start + _LOT - 1, last)))
            for slice_ in result.records():
                sha256 = bytes.fromhex(slice_["pixels_sha256"])
                hashes.append(sha256)
                place = slice_["slice_index"] - first
                volume[place] = decode_slice(bytes(slice_["pixels"]), rows, cols, sha256, slice_["encoding"])
        is_whole = len(hashes) == there
        if len(hashes) != len(volume) or (is_whole and content_sha256(hashes).hex() != facts["content_sha256"].lower()):
            raise LungdbError(f"The slices of scan {scan_id} are not those that were loaded. Run: lungdb check")
        return volume

    def features(
        self,
        network: str | None = None,
        layer: str | None = None,
        preprocessing: str | None = None,
        pooling: str | None = None,
        dataset: str | None = None,
        version: int | None = None,
    ) -> pd.DataFrame:
        """Give pooled feature vectors, a row a scan, by scan_id; each is compared with its SHA-256.

        Parameters
        ----------
        network, layer, preprocessing, pooling : str, optional
            Which, as dbo.pooled_sets names them; what is left out has to be told by the rest.
        dataset, version
            Of these scans alone; without features are left out.

        Returns
        -------
        DataFrame
            float32, a column a feature, from 0; NaN where a combined vector has no value.

        Raises
        ------
        LungdbError
            No features or several would do, or a vector is damaged.
        """
        chosen = self._feature_set(network, layer, preprocessing, pooling)
        return self.vectors(*chosen, None if dataset is None else self._members(dataset, version))

    def vectors(self, feature_set_id: int, pooling: str, scan_ids: Sequence[int] | None = None) -> pd.DataFrame:
        """Give the vectors of a feature set and pooling, as `features` does: of all scans, or of those listed."""
        sql = "SELECT scan_id, vector, vector_sha256 FROM dbo.pooled_features WHERE feature_set_id = ? AND pooling = ?"
        lots = [None] if scan_ids is None else [scan_ids[at : at + 1000] for at in range(0, len(scan_ids), 1000)]
        found: dict[int, NDArray[np.float32]] = {}
        for lot in lots:
            among = "" if lot is None else f" AND scan_id IN ({', '.join('?' * len(lot))})"
            (result,) = run(
                self._connection, f"{sql}{among} ORDER BY scan_id;", (feature_set_id, pooling, *(lot or ()))
            )
            for scan_id, vector, sha256 in result.rows:
                if sha256 is None or hashlib.sha256(vector.encode("utf-16-le")).digest() != bytes(sha256):
                    raise LungdbError(
                        f"The vector of scan {scan_id} does not match its SHA-256. Make it again: "
                        "EXECUTE dbo.GenerateFeatures with @Recompute = 1."
                    )
                found[scan_id] = decode_vector(vector, may_miss=True)
        index = pd.Index(list(found), name="scan_id")
        frame: pd.DataFrame = pd.DataFrame(np.stack(list(found.values())) if found else None, index=index)
        return frame

    def scores(self, model: str | None = None, version: int | None = None, scan_id: int | None = None) -> pd.DataFrame:
        """Give the scores that were given, as dbo.score_list has them, newest first: all, or a model's, or a scan's."""
        asked = {"model_name": model, "model_version": version, "scan_id": scan_id}
        wanted = {name: value for name, value in asked.items() if value is not None}
        among = f" WHERE {' AND '.join(f'{name} = ?' for name in wanted)}" if wanted else ""
        return query(
            self._connection,
            f"SELECT * FROM dbo.score_list{among} ORDER BY prediction_id DESC;",
            list(wanted.values()),
        )

    def nodules(
        self, source: Literal["network", "truth"] | None = None, network: str | None = None, scan_id: int | None = None
    ) -> pd.DataFrame:
        """Give nodules as dbo.nodule_list has them, with their places in mm and among the pixels, by nodule_id.

        Parameters
        ----------
        source : str, optional
            ``network``: found by one; ``truth``: marked by readers.
        network : str, optional
            Of the network with this name alone, in all versions.
        scan_id : int, optional
            Of this scan alone.

        Raises
        ------
        LungdbError
            There is no such source.
        """
        if source not in (None, "network", "truth"):
            raise LungdbError(f"Nodules of the source '{source}' are not supported. Supported are network and truth.")
        asked = {"source": source, "network_name": network, "scan_id": scan_id}
        wanted = {name: value for name, value in asked.items() if value is not None}
        among = f" WHERE {' AND '.join(f'{name} = ?' for name in wanted)}" if wanted else ""
        found = query(
            self._connection,
            f"SELECT * FROM dbo.nodule_list{among} ORDER BY scan_id, source, network_id, preprocessing, found_rank, "
            "nodule_id;",
            list(wanted.values()),
        )
        nodules: pd.DataFrame = found.set_index("nodule_id")
        return nodules

    def labels(self, horizon: int | None = None) -> pd.Series[Any]:
        """Give the labels that are known, by scan_id: of the patient, or of the scan within so many days.

        Those of patients held out for testing are among them: ``scans()["part"]`` says who is.
        """
        if horizon is None:
            sql = (
                "SELECT s.scan_id, l.label FROM dbo.labels AS l "
                "INNER JOIN dbo.scans AS s ON s.patient_id = l.patient_id ORDER BY s.scan_id;"
            )
            frame = query(self._connection, sql)
        else:
            sql = "SELECT scan_id, label FROM dbo.scan_labels WHERE horizon_days = ? ORDER BY scan_id;"
            frame = query(self._connection, sql, (horizon,))
        labels: pd.Series[Any] = frame.set_index("scan_id")["label"]
        return labels

    def batches(
        self,
        dataset: str | None,
        size: int,
        *,
        of: Literal["features", "volumes"] = "features",
        part: str | None = None,
        seed: int | None = None,
        horizon: int | None = None,
        network: str | None = None,
        layer: str | None = None,
        preprocessing: str | None = None,
        pooling: str | None = None,
    ) -> Iterator[Batch]:
        """Give batches of a data set for a training loop; no more than one is in memory.

        Parameters
        ----------
        dataset : str or None
            Its newest version; None is the primary scans of all patients.
        size : int
            Scans of a batch, 1 to 1000; the last one may have fewer.
        of : str
            ``features``, chosen as `features` chooses them, or ``volumes``.
        part : str, optional
            ``train`` or ``test``: patients of that part of dbo.splits alone.
        seed : int, optional
            Shuffles the scans; without it they come by scan_id.
        horizon : int, optional
            Labels within so many days in place of the patient's.
        """
        check_size(size)
        if of not in ("features", "volumes"):
            raise LungdbError(f"Batches of '{of}' are not supported. Supported are features and volumes.")
        if part not in (None, "train", "test"):
            raise LungdbError(f"The part '{part}' is not supported. Supported are train and test.")
        scans = self.scans(dataset)
        if dataset is None:
            scans = scans[scans["is_primary"] == 1]
        if part is not None:
            scans = scans[scans["part"] == part]
        scan_ids = scans.index.to_numpy(np.int64)
        if seed is not None:
            scan_ids = np.random.default_rng(seed).permutation(scan_ids)
        vectors = self._feature_set(network, layer, preprocessing, pooling) if of == "features" else None
        known = self.labels(horizon)
        labels: dict[int, float] = dict(zip(known.index.tolist(), known.tolist(), strict=True))
        return read_batches(self, scan_ids, labels, size, vectors)

    def models(self) -> pd.DataFrame:
        """Give the models and which version each name stands for, as dbo.model_status has them."""
        return query(self._connection, "SELECT * FROM dbo.model_status ORDER BY name;")

    def model(self, name: str = "lightgbm_sql", version: int | None = None) -> Model:
        """Give a version of a model; without a number the one that is served. SqlError where there is none."""
        found = run(self._connection, "EXECUTE dbo.FindModel @ModelName = ?, @Version = ?;", (name, version))[0]
        classifier_id = found.records()[0]["classifier_id"]
        (facts,) = run(self._connection, "SELECT * FROM dbo.model_versions WHERE classifier_id = ?;", (classifier_id,))
        figures = query(
            self._connection,
            "SELECT part, metric, value FROM dbo.model_figures WHERE classifier_id = ?;",
            (classifier_id,),
        )
        row = facts.records()[0]
        return Model(row["name"], row["version"], row, figures)

    def _members(self, dataset: str, version: int | None) -> list[int]:
        """Give the scans of a data set, by scan_id; it is refused where scans were replaced or removed since."""
        which = "is_newest = 1" if version is None else "version = ?"
        members = query(
            self._connection,
            f"SELECT scan_id, is_unchanged FROM dbo.dataset_scans WHERE name = ? AND {which} ORDER BY scan_id;",
            (dataset,) if version is None else (dataset, version),
        )
        if members.empty:
            there = sorted(set(query(self._connection, "SELECT name FROM dbo.dataset_scans;")["name"]))
            said = f"There are: {', '.join(there)}." if there else "There are none: dbo.CreateDataset makes one."
            number = "" if version is None else f", version {version}"
            raise LungdbError(f"There is no data set of scans '{dataset}'{number}. {said}")
        gone = int((members["is_unchanged"] == 0).sum())
        if gone:
            raise LungdbError(
                f"Of the data set '{dataset}' {gone} scans were replaced or removed since it was made. "
                "Make a new version with dbo.CreateDataset."
            )
        return [int(each) for each in members["scan_id"]]

    def _feature_set(
        self, network: str | None, layer: str | None, preprocessing: str | None, pooling: str | None
    ) -> tuple[int, str]:
        wanted = {"network": network, "layer": layer, "preprocessing": preprocessing, "pooling": pooling}
        sets = query(self._connection, "SELECT * FROM dbo.pooled_sets ORDER BY name;")
        found = sets
        for name, value in wanted.items():
            if value is not None:
                found = found[found[name] == value]
        if len(found) != 1:
            asked = ", ".join(f"{name} '{value}'" for name, value in wanted.items() if value is not None)
            many = "No features" if found.empty else f"{len(found)} kinds of features"
            there = "; ".join((sets if found.empty else found)["name"]) or "none"
            raise LungdbError(f"{many} are there{' of ' + asked if asked else ''}, not one. There are: {there}.")
        return int(found["feature_set_id"].iloc[0]), str(found["pooling"].iloc[0])


def _say(message: Message) -> None:
    print(escaped(message.text, keep="\n\t"))
