"""The forms in which labels and marks are delivered: told apart by columns and content, each read by its own module."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lungdb.database import Connection
from lungdb.errors import LungdbError
from lungdb.loading.labels import lidc_xml, luna16, nlst
from lungdb.loading.labels.diagnosis import read_diagnoses, store_diagnoses
from lungdb.loading.labels.marks import store_nodules, store_readings
from lungdb.loading.labels.numbers import read_numbers, store_numbers
from lungdb.loading.labels.outcome import Options, Report
from lungdb.loading.labels.patients import read_labels, store_labels
from lungdb.loading.labels.scan_labels import store_persons, store_scan_labels
from lungdb.loading.tables import Header, find_header

KNOWN = """\
id,cancer                      patients: 0 or 1, or with --classes K 0 to K-1 (columns patient_id and label do, too)
id and another column          patients: a number to predict; --numeric COLUMN names it
series_uid,label               scans: with --horizon DAYS (or study_uid,label: all scans of a study)
pid,scr_days0,…,candx_days     NLST's person file: scans; with --horizon DAYS
TCIA Patient ID,Diagnosis at the Patient Level
                               LIDC-IDRI's diagnoses, saved as CSV: patients
seriesuid,coordX,coordY,coordZ,diameter_mm
                               LUNA16's annotations.csv: nodules; malignancy_rating, 1 to 5, if it is there;
                               with --irrelevant its annotations_excluded.csv: neither to be found nor false alarms
XML, or a folder of it         LIDC-IDRI's readers (LidcReadMessage): nodules"""

_IDS = ("id", "patient_id", "patientid", "patient id", nlst.ID, "tcia patient id", "dicom_patient_id")
_LABELS = ("cancer", "label")
_SERIES = ("series_uid", "seriesuid", "seriesinstanceuid", "series instance uid")
_STUDIES = ("study_uid", "studyuid", "studyinstanceuid", "study instance uid")
_DIAGNOSIS = "diagnosis at the patient level"
_SHOWN = 20
_SHOWN_LENGTH = 40

Store = Callable[[Connection, str], Report]
"""Stores what was read with the site's id_key."""


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Attributes
    ----------
    form : str
        What it was recognised as.
    notes : list of str
        Sentences for whoever loads it: what of it is passed over.
    store : callable
        Stores it in a database, given the site's id_key.
    """

    form: str
    notes: list[str]
    store: Store


@dataclass(frozen=True)
class _Form:
    """A kind of CSV file: the columns that it is read by, and the options that say something about it."""

    name: str
    takes: tuple[str, ...]
    columns: tuple[str, ...]
    read: Callable[[Path, Header, tuple[str, ...], Options, str], Store]
    needs: str = ""


def read_content(path: Path, options: Options, name: str) -> Content:
    """Read a file, or a folder of XML, as the form that it is.

    Parameters
    ----------
    name : str
        What the file is called in the database, as the source of labels.

    Raises
    ------
    LungdbError
        It has none of the known forms, cannot be read, a line is wrong, or an option makes no sense for it. Nothing
        tells ids.
    """
    if path.is_dir() or lidc_xml.is_xml(path):
        _check_options("The XML of readers", (), "", options)
        return _read_xml(path)
    forms: list[_Form] = []

    def is_known(columns: Sequence[str]) -> bool:
        form = _recognise(columns, options)
        forms.extend([form] if form else [])
        return form is not None

    header = find_header(path, "labels", ("id", "cancer"), is_known)
    if header is None:
        missing = f"the columns id and {options.numeric}" if options.numeric else "the columns of a known form"
        raise LungdbError(f"'{path.name}' has no header with {missing}. Known forms are:\n{KNOWN}")
    form = forms[0]
    _check_options(form.name, form.takes, form.needs, options)
    store = form.read(path, header, form.columns, options, name)
    others = [one for one in header.columns if one and one not in form.columns]
    return Content(form.name, [_passed_over(others)] if others else [], store)


def _patients(path: Path, header: Header, columns: tuple[str, ...], options: Options, name: str) -> Store:
    labels = read_labels(path, header, (columns[0], columns[1]), options.classes)
    return lambda connection, key: store_labels(connection, labels, name, key)


def _numbers(path: Path, header: Header, columns: tuple[str, ...], options: Options, name: str) -> Store:
    numbers = read_numbers(path, header, (columns[0], columns[1]))
    return lambda connection, key: store_numbers(connection, numbers, f"{name} ({columns[1]})", key)


def _diagnoses(path: Path, header: Header, columns: tuple[str, ...], options: Options, name: str) -> Store:
    diagnoses = read_diagnoses(path, header, (columns[0], columns[1]))
    return lambda connection, key: store_diagnoses(connection, diagnoses, options.metastatic, name, key)


def _scans(path: Path, header: Header, columns: tuple[str, ...], options: Options, name: str) -> Store:
    labels = read_labels(path, header, (columns[0], columns[1]), options.classes)
    days = options.horizon_days or 0
    of_studies = columns[0] in _STUDIES
    return lambda connection, key: store_scan_labels(connection, labels, days, name, key, of_studies=of_studies)


def _nlst(path: Path, header: Header, columns: tuple[str, ...], options: Options, name: str) -> Store:
    persons = nlst.read_persons(path, header)
    days = options.horizon_days or 0
    return lambda connection, key: store_persons(connection, persons, days, name, key)


def _luna16(path: Path, header: Header, columns: tuple[str, ...], options: Options, name: str) -> Store:
    series = luna16.read_annotations(path, header, irrelevant=options.irrelevant)
    return lambda connection, key: store_nodules(connection, series, key, is_relevant=not options.irrelevant)


def _read_xml(path: Path) -> Content:
    """Read a file of marks, or all of a folder and the folders below it."""
    files = sorted(_xml_files(path)) if path.is_dir() else [path]
    shown = [f"'{file.name}'" for file in files]
    if len(files) > 1:
        shown = [
            f"{name} (number {place + 1} of {len(files)} in the order of paths)" for place, name in enumerate(shown)
        ]
    readings: dict[str, tuple[lidc_xml.Reading, str]] = {}
    others: Counter[str] = Counter()
    same = 0
    for file, name in zip(files, shown, strict=True):
        found = lidc_xml.read_reading(file, name)
        if isinstance(found, str):
            others["radiographs" if found == lidc_xml.RADIOGRAPH else "something else"] += 1
            continue
        first, where = readings.setdefault(found.series_uid, (found, name))
        if first != found:
            raise LungdbError(
                f"{where} and {name} mark one series differently. Leave one of them out; nothing has been changed."
            )
        same += where != name
    if not readings:
        raise LungdbError(
            f"'{path.resolve().name}' holds no marks of readers in CT series ({lidc_xml.CT})"
            + (f", but XML of {' and '.join(others)}" if others else "")
            + f". Known forms are:\n{KNOWN}"
        )
    notes = [f"{count} files of XML are of {what} and were passed over." for what, count in others.items()]
    if same:
        notes.append(f"{same} files repeat what another one says.")
    found_readings = [reading for reading, _ in readings.values()]
    return Content("The XML of readers", notes, lambda connection, key: store_readings(connection, found_readings, key))


def _xml_files(folder: Path) -> Iterator[Path]:
    """Yield the XML of a folder and those below it; links are passed by."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        yield from (
            path for name in names if name.lower().endswith(".xml") and not (path := Path(parent, name)).is_symlink()
        )


def _recognise(columns: Sequence[str], options: Options) -> _Form | None:
    ids = [one for one in columns if one in _IDS]
    if options.numeric:
        wanted = " ".join(options.numeric.lower().split())
        if not ids or wanted not in columns or wanted == ids[0]:
            return None
        return _Form("A file of numbers", ("numeric",), (ids[0], wanted), _numbers)
    if nlst.ID in columns and nlst.DIAGNOSIS in columns and set(nlst.YEARS) & set(columns):
        columns_of_nlst = (nlst.ID, *nlst.YEARS, nlst.DIAGNOSIS, *nlst.FOLLOW_UP, *nlst.FOUND)
        return _Form("NLST's person file", ("horizon_days",), columns_of_nlst, _nlst, needs="horizon_days")
    diagnoses = [one for one in columns if re.sub(r"[^a-z]+", " ", one).strip().startswith(_DIAGNOSIS)]
    if ids and diagnoses:
        return _Form("A table of diagnoses", ("metastatic",), (ids[0], diagnoses[0]), _diagnoses)
    if set(luna16.COLUMNS) <= set(columns):
        return _Form("LUNA16's annotations.csv", ("irrelevant",), luna16.columns_of(columns), _luna16)
    labels = [one for one in columns if one in _LABELS]
    series = [*(one for one in columns if one in _SERIES), *(one for one in columns if one in _STUDIES)]
    if series and labels and not (ids and options.horizon_days is None):
        used = (series[0], labels[0])
        return _Form("A file of scans", ("horizon_days", "classes"), used, _scans, needs="horizon_days")
    if ids and labels:
        return _Form("A file of patients", ("classes",), (ids[0], labels[0]), _patients)
    return None


_OPTIONS = {
    "horizon_days": ("--horizon", "it does not tell when anything was found"),
    "classes": ("--classes", "its labels are 0 and 1, or none"),
    "numeric": ("--numeric", "its columns are known"),
    "metastatic": ("--metastatic", "it holds no diagnoses of metastases"),
    "irrelevant": ("--irrelevant", "it lists no findings with places and diameters"),
}


def _check_options(form: str, takes: Sequence[str], needs: str, options: Options) -> None:
    for field, (option, why) in _OPTIONS.items():
        if field not in takes and getattr(options, field) != getattr(Options(), field):
            raise LungdbError(f"{form} is not read with {option}: {why}. Leave it out.")
    if needs and getattr(options, needs) is None:
        raise LungdbError(
            f"{form} tells of scans, so a label needs a horizon. Add --horizon DAYS, such as --horizon 365."
        )


def _passed_over(columns: Sequence[str]) -> str:
    shown = ", ".join(one[:_SHOWN_LENGTH] + ("…" if len(one) > _SHOWN_LENGTH else "") for one in columns[:_SHOWN])
    more = f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else ""
    return f"Columns that are not read: {shown}{more}."
