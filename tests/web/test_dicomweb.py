"""DICOMweb: what dicomweb-client finds and reads of the database is what the DICOM files say, bit for bit."""

from __future__ import annotations

import io
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from lungdb_web import create_app
from lungdb_web.serving import make_server
from numpy.typing import NDArray
from PIL import Image

from lungdb.config import Settings
from tests.support.databases import target_of
from tests.support.fixtures import Archive
from tests.support.web import give_token
from tests.web.looking import audit, query
from tests.web.routes import TEXTS

AIR = -1024
STUDY = f"/studies/{TEXTS['study']}"
SERIES = f"{STUDY}/series/{TEXTS['series']}"
INSTANCE = f"{SERIES}/instances/{TEXTS['instance']}"
FRAMES = 'multipart/related; type="application/octet-stream"'


@dataclass(frozen=True)
class Site:
    """A served database, and who asks it with a token of rob's, a reader."""

    file: Path
    url: str
    headers: dict[str, str]

    @property
    def client(self) -> DICOMwebClient:
        """A client of a library."""
        return DICOMwebClient(self.url, headers=self.headers)

    def get(self, path: str, accept: str = "*/*") -> requests.Response:
        """Ask for an address."""
        return requests.get(self.url + path, headers=self.headers | {"Accept": accept}, timeout=60)


@pytest.fixture(scope="module")
def site(web_database_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The database of the web tests, whose second patient has UIDs that are none."""
    file = Path(shutil.copy(web_database_file, tmp_path_factory.mktemp("dicomweb") / "lung_cancer_database.db"))
    of = "(SELECT patient_id FROM dbo.patients WHERE idx = {})"
    query(
        file, f"UPDATE dbo.scans SET study_uid = N'Studie ä', series_uid = N'1.02' WHERE patient_id = {of.format(1)};"
    )
    query(
        file,
        "UPDATE dbo.scan_images SET instance_uid = N'one file' WHERE scan_id IN "
        f"(SELECT scan_id FROM dbo.scans WHERE patient_id = {of.format(1)});",
    )
    app = create_app(Settings(database=target_of(file), web_secret="a secret of the tests only"))
    server = make_server(app, Settings(web_host="127.0.0.1"), 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    token = give_token(file, "rob")
    yield Site(file, f"http://127.0.0.1:{server.effective_port}/dicomweb", {"Authorization": f"Bearer {token}"})
    server.close()
    thread.join()
    app.extensions["lungdb"].database.close()


@pytest.fixture(scope="module")
def files(archive: Archive) -> list[pydicom.FileDataset]:
    """The files of the first patient's series, from the feet up."""
    read = [pydicom.dcmread(path) for path in (archive.scans / "phantom-0001").iterdir()]
    return sorted(read, key=lambda file: float(file.ImagePositionPatient[2]))


def _hu(file: pydicom.FileDataset) -> NDArray[np.int16]:
    hu = file.pixel_array * float(file.RescaleSlope) + float(file.RescaleIntercept)
    if "PixelPaddingValue" in file:
        hu[file.pixel_array.astype(np.int16) == np.int16(file.PixelPaddingValue)] = AIR
    return np.maximum(hu, AIR).astype(np.int16)


def _value(found: dict[str, Any], keyword: str) -> Any:
    return pydicom.Dataset.from_json(found)[keyword].value


def test_studies_are_found_by_what_they_have(site: Site) -> None:
    """Each way to ask finds the first patient's, and what fits none finds nothing."""
    every = site.client.search_for_studies(limit=100)
    assert len(every) == 40
    day = query(site.file, "SELECT study_date FROM dbo.scans AS s INNER JOIN dbo.patients AS p "
                "ON p.patient_id = s.patient_id WHERE p.idx = 0;")[0][0].strftime("%Y%m%d")  # fmt: skip
    name = query(site.file, "SELECT display_name FROM dbo.patients WHERE idx = 0;")[0][0]
    for keyword, value, count in (
        ("PatientID", "phantom-0001", 1), ("00100020", "phantom-000?", 9), ("PatientID", "phantom-00*", 40),
        ("PatientID", "phantom_0001", 0), ("PatientID", "%", 0), ("PatientName", name, 1),
        ("PatientName", f"{name[:-2]}*", 1),
        ("StudyInstanceUID", TEXTS["study"], 1),
        ("StudyInstanceUID", f"{TEXTS['study']},1.2.3", 1), ("ModalitiesInStudy", "MR", 0),
        ("ModalitiesInStudy", "CT", 40), ("AccessionNumber", "17", 0), ("StudyDate", "18991231-19000101", 0),
        ("StudyDate", "19000101-", 40), ("SeriesInstanceUID", TEXTS["series"], 1),
    ):  # fmt: skip
        found = site.get(f"/studies?{keyword}={value}&limit=100")
        assert found.status_code == (200 if count else 204), (keyword, value)
        assert len(found.json() if count else []) == count, (keyword, value)
    of_day = site.client.search_for_studies(search_filters={"StudyDate": f"{day}-{day}"})
    assert {_value(found, "StudyDate") for found in of_day} == {day}
    assert TEXTS["study"] in {_value(found, "StudyInstanceUID") for found in of_day}


def test_pages_are_told_from_the_whole(site: Site) -> None:
    """Ten and thirty are all forty; a warning says that there is more, or that names are matched as they stand."""
    first, rest = site.get("/studies?limit=10"), site.get("/studies?limit=100&offset=10&fuzzymatching=true")
    uids = [_value(found, "StudyInstanceUID") for answer in (first, rest) for found in answer.json()]
    assert len(set(uids)) == len(uids) == 40
    assert "exceeded" in first.headers["Warning"]
    assert "fuzzymatching" in rest.headers["Warning"]
    assert "exceeded" not in rest.headers["Warning"]


def test_series_and_slices_are_those_of_the_files(site: Site, files: list[pydicom.FileDataset]) -> None:
    """UIDs, order, geometry, and every Hounsfield unit."""
    study, series = TEXTS["study"], TEXTS["series"]
    (found,) = site.client.search_for_series(study)
    assert _value(found, "SeriesInstanceUID") == series == files[0].SeriesInstanceUID
    assert _value(found, "NumberOfSeriesRelatedInstances") == len(files)
    listed = site.client.search_for_instances(study, series)
    assert [_value(one, "SOPInstanceUID") for one in listed] == [file.SOPInstanceUID for file in files]
    told = [pydicom.Dataset.from_json(one) for one in site.client.retrieve_series_metadata(study, series)]
    assert [one.InstanceNumber for one in told] == list(range(1, len(files) + 1))
    for one, file in zip(told, files, strict=True):
        assert (one.PatientID, one.StudyInstanceUID) == (file.PatientID, file.StudyInstanceUID)
        assert one.FrameOfReferenceUID == file.FrameOfReferenceUID
        assert one.SOPClassUID == file.SOPClassUID
        assert np.allclose(one.ImagePositionPatient, file.ImagePositionPatient, atol=1e-3)
        assert np.allclose(one.ImageOrientationPatient, file.ImageOrientationPatient)
        assert np.allclose(one.PixelSpacing, file.PixelSpacing)
        assert (one.RescaleSlope, one.RescaleIntercept, one.PixelRepresentation, one.BitsAllocated) == (1, 0, 1, 16)
        assert list(one.ImageType) == ["DERIVED", "PRIMARY", "AXIAL"]
        (frame,) = site.client.retrieve_instance_frames(study, series, file.SOPInstanceUID, [1])
        hu = np.frombuffer(frame, "<i2").reshape(one.Rows, one.Columns)
        assert np.array_equal(hu, _hu(file))


def test_what_is_no_uid_has_one_outward_that_leads_back(site: Site) -> None:
    """A study and a series named by words, and slices of one file, are read by the UIDs that they are told by."""
    (study,) = site.client.search_for_studies(search_filters={"PatientID": "phantom-0002"})
    uid = _value(study, "StudyInstanceUID")
    assert uid == f"2.25.{int.from_bytes(sha256('Studie ä'.encode('utf-16-le')).digest()[:16], 'big')}"
    (series,) = site.client.search_for_series(uid)
    series_uid = _value(series, "SeriesInstanceUID")
    told = site.client.retrieve_series_metadata(uid, series_uid)
    slices = [_value(one, "SOPInstanceUID") for one in told]
    assert len(set(slices)) == len(slices) == 9
    assert all(one.startswith("2.25.") for one in (uid, series_uid, *slices))
    (frame,) = site.client.retrieve_instance_frames(uid, series_uid, slices[4], [1])
    [(stored,)] = query(site.file, "SELECT pixels_sha256 FROM dbo.scan_images AS i INNER JOIN dbo.scans AS s "
                        "ON s.scan_id = i.scan_id WHERE s.series_uid = N'1.02' AND i.slice_index = 4;")  # fmt: skip
    assert sha256(frame).digest() == bytes(stored)


def test_a_picture_is_the_slice_through_the_window(site: Site, files: list[pydicom.FileDataset]) -> None:
    """LINEAR_EXACT of DICOM PS3.3 C.11.2.1.3.2 by NumPy; a thumbnail is small, and a JPEG if nothing is asked."""
    place = f"{SERIES}/instances/{files[4].SOPInstanceUID}"
    for path in (f"{place}/rendered", f"{place}/frames/1/rendered"):
        answer = site.get(f"{path}?window=40,400,linear-exact", "image/png")
        drawn = np.asarray(Image.open(io.BytesIO(answer.content)))
        expected = np.clip((_hu(files[4]).astype(float) - 40) / 400 + 0.5, 0, 1) * 255
        assert drawn.shape == expected.shape
        assert np.abs(drawn - expected).max() <= 0.51
    for path in (f"{STUDY}/thumbnail", f"{SERIES}/thumbnail", f"{place}/thumbnail", f"{place}/frames/1/thumbnail"):
        answer = site.get(f"{path}?viewport=32,40")
        assert answer.headers["Content-Type"] == "image/jpeg"
        small = Image.open(io.BytesIO(answer.content))
        assert small.size == (32, 32)
        whole = np.asarray(Image.fromarray(_hu(files[4]).astype(np.float32)).resize((32, 32))).ravel()
        assert np.corrcoef(np.asarray(small).ravel(), np.clip(whole, -1350, 150))[0, 1] > 0.99


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        (f"{INSTANCE}/frames/1", "multipart/related; type=application/octet-stream; transfer-syntax=*", 200),
        (f"{INSTANCE}/frames/1", f"{FRAMES}; transfer-syntax=1.2.840.10008.1.2.1", 200),
        (f"{INSTANCE}/frames/1", 'multipart/related; type="image/jls", application/octet-stream;q=0.5', 200),
        (f"{INSTANCE}/frames/1", f"{FRAMES}; transfer-syntax=1.2.840.10008.1.2.4.50", 406),
        (f"{INSTANCE}/frames/1", f"{FRAMES};q=0", 406),
        (f"{INSTANCE}/frames/1", 'multipart/related; type="image/jpeg"', 406),
        (f"{INSTANCE}/rendered", "image/gif", 406),
        (f"{SERIES}/metadata", 'multipart/related; type="application/dicom+xml"', 406),
        (f"{SERIES}/metadata", "application/json", 200),
        ("/studies", "application/dicom+xml", 406),
        ("/studies", ";", 406),
        ("/studies", ",;,, application/dicom+json", 200),
        (f"{INSTANCE}/frames/2", "*/*", 404),
        (f"{INSTANCE}/frames/0", "*/*", 400),
        (f"{INSTANCE}/frames/1,1", "*/*", 400),
        (f"{INSTANCE}/frames/\u0661", "*/*", 400),
        (f"{SERIES}/instances/1.2.3/metadata", "*/*", 404),
        (f"{STUDY}/series/1.2.3/thumbnail", "*/*", 404),
        (f"/studies/1.2.3/series/{TEXTS['series']}/metadata", "*/*", 404),
        ("/studies/1.2.3/metadata", "*/*", 404),
        (f"/studies/2.25.{2**130}/metadata", "*/*", 404),
        ("/studies/phantom/metadata", "*/*", 404),
        ("/studies?limit=-1", "*/*", 400),
        ("/studies?limit=1&limit=2", "*/*", 400),
        ("/studies?offset=1e3", "*/*", 400),
        ("/studies?StudyDate=20201332", "*/*", 400),
        ("/studies?StudyDate=-", "*/*", 400),
        ("/studies?StudyInstanceUID=phantom", "*/*", 400),
        ("/studies?InstitutionName=Ours", "*/*", 400),
        ("/studies?fuzzymatching=yes", "*/*", 400),
        ("/studies?PatientID=a%00b", "*/*", 400),
        (f"/studies?PatientName={'é' * 200}", "*/*", 400),
        (f"{INSTANCE}/rendered?window=1", "*/*", 400),
        (f"{INSTANCE}/rendered?window=nan,1", "*/*", 400),
        (f"{INSTANCE}/rendered?window=1,0", "*/*", 400),
        (f"{INSTANCE}/rendered?viewport=0,9", "*/*", 400),
        (f"{INSTANCE}/rendered?viewport=99999,9", "*/*", 400),
        (f"{INSTANCE}/rendered?quality=0", "*/*", 400),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_in_words(site: Site, path: str, accept: str, status: int) -> None:
    """As a problem that repeats nothing of the query, because that may be a patient's."""
    answer = site.get(path, accept)
    assert answer.status_code == status, answer.text[:300]
    if status >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == status
        assert "é" not in answer.text


def test_a_client_that_has_a_slice_is_not_sent_it_again(site: Site) -> None:
    """And keeps it for its reader alone."""
    for path in (f"{INSTANCE}/frames/1", f"{INSTANCE}/rendered", f"{SERIES}/metadata"):
        first = site.get(path)
        assert "private" in first.headers["Cache-Control"]
        tag = {"If-None-Match": first.headers["ETag"]}
        assert requests.get(site.url + path, headers=site.headers | tag, timeout=60).status_code == 304


def test_who_looked_at_whom_is_recorded(site: Site) -> None:
    """A list with its patients and not what was searched for; a scan once in ten minutes, however many slices."""
    [(before,)] = query(site.file, "SELECT COALESCE(MAX(audit_id), 0) FROM dbo.audit;")
    path = SERIES.replace(TEXTS["study"], "{}").replace(TEXTS["series"], "{}")
    (study,) = site.client.search_for_studies(search_filters={"PatientID": "phantom-0030"})
    uid = _value(study, "StudyInstanceUID")
    (series,) = site.client.search_for_series(uid)
    for _ in range(3):
        assert site.get(f"{path.format(uid, _value(series, 'SeriesInstanceUID'))}/metadata").status_code == 200
    rows = audit(site.file, "audit_id, account, action, patient_index, detail")
    new = [row[1:] for row in rows if row[0] > before]
    [(index,)] = query(site.file, "SELECT idx FROM dbo.patients WHERE patient_id = N'phantom-0030';")
    assert new == [
        ("rob", "search", None, f"patients: {index}"),
        ("rob", "view_list", None, f"patients: {index}"),
        ("rob", "view_scan", index, None),
    ]


def test_a_scan_without_slices_is_not_found_and_says_so_when_it_is_asked_for(site: Site) -> None:
    """What load-features brings has no pixels here."""
    [(study, scan)] = query(site.file, "SELECT study_uid, scan_id FROM dbo.scans WHERE patient_id = N'phantom-0040';")
    query(site.file, "DELETE FROM dbo.scan_images WHERE scan_id = ?;", scan)
    assert site.get("/studies?PatientID=phantom-0040").status_code == 204
    answer = site.get(f"/studies/{study}/metadata")
    assert (answer.status_code, answer.json()["title"]) == (404, "No images of the scan are stored")


def test_a_damaged_slice_is_not_sent(site: Site) -> None:
    """Another slice's pixels in its place do not match its hash."""
    [(study, series, scan)] = query(
        site.file, "SELECT study_uid, series_uid, scan_id FROM dbo.scans WHERE patient_id = N'phantom-0039';"
    )
    query(
        site.file,
        "UPDATE dbo.scan_images SET pixels = (SELECT pixels FROM dbo.scan_images WHERE scan_id = ? AND "
        "slice_index = 0) WHERE scan_id = ? AND slice_index = 1;",
        scan,
        scan,
    )
    told = site.client.retrieve_series_metadata(study, series)
    place = f"/studies/{study}/series/{series}/instances"
    answers = [site.get(f"{place}/{_value(one, 'SOPInstanceUID')}/frames/1").status_code for one in told[:3]]
    assert answers == [200, 500, 200]
    assert "damaged" in site.get(f"{place}/{_value(told[1], 'SOPInstanceUID')}/rendered").json()["detail"]


def test_nobody_reads_without_an_account(site: Site) -> None:
    """And a database whose procedures are missing says what is absent."""
    for path in ("/studies", f"{SERIES}/metadata", f"{INSTANCE}/frames/1"):
        assert requests.get(site.url + path, timeout=60).status_code == 401
    query(site.file, "DROP PROCEDURE dbo.FindSeries;")
    answer = site.get("/studies")
    assert (answer.status_code, "dbo.FindSeries" in answer.json()["detail"]) == (501, True)
