"""QIDO-RS: studies, series and slices that match a query (PS3.18 10.6)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, url_for

from lungdb.imaging.dicom_values import valid_uid
from lungdb_web.audit import record_list
from lungdb_web.dicomweb.attributes import instance_attributes, series_attributes, study_attributes
from lungdb_web.dicomweb.elements import dataset
from lungdb_web.dicomweb.negotiating import JSON, choose
from lungdb_web.dicomweb.query import Query, read_query
from lungdb_web.queries.series import Series, find_series, list_instances
from lungdb_web.services import call

blueprint = Blueprint("dicomweb_search", __name__, url_prefix="/dicomweb")
NOT_FUZZY = '299 lungdb "The fuzzymatching parameter is not supported. Only literal matching has been performed."'
MORE = (
    '299 lungdb "The number of results exceeded the maximum supported by the server. '
    'Additional results can be requested."'
)


@blueprint.get("/studies")
def search_studies() -> Response:
    """Find studies of which slices are stored."""
    return _answer(read_query(), _study, by_study=True)


@blueprint.get("/series")
def search_series() -> Response:
    """Find series of which slices are stored."""
    return _answer(read_query(), lambda series: _study(series) | _series(series))


@blueprint.get("/studies/<uid:study>/series")
def search_series_of_study(study: str) -> Response:
    """Find series of a study."""
    return _answer(read_query(study), _series)


@blueprint.get("/studies/<uid:study>/instances")
def search_instances_of_study(study: str) -> Response:
    """Find slices of a study."""
    return _answer_instances(read_query(study))


@blueprint.get("/studies/<uid:study>/series/<uid:series>/instances")
def search_instances_of_series(study: str, series: str) -> Response:
    """Find slices of a series."""
    return _answer_instances(read_query(study, series))


def _answer(query: Query, told: Callable[[Series], dict[str, Any]], *, by_study: bool = False) -> Response:
    media_type = choose(JSON, "application/json")
    found: list[Series] = []
    wanted = query.offset + query.limit + 1
    if len(query.asked) == 1:
        # One more than is wanted, to know whether there are more.
        (asked,) = query.asked
        page = find_series(call, asked, with_pixels=True, by_study=by_study, offset=query.offset, limit=query.limit + 1)
    else:
        for asked in query.asked:
            found += find_series(call, asked, with_pixels=True, by_study=by_study, limit=min(wanted, 1000))
        page = found[query.offset : wanted]
    shown = page[: query.limit]
    return _json(query, shown, [told(series) for series in shown], media_type, is_more=len(page) > len(shown))


def _answer_instances(query: Query) -> Response:
    media_type = choose(JSON, "application/json")
    found = [series for asked in query.asked for series in find_series(call, asked, with_pixels=True)]
    slices = [
        (series, instance)
        for series in found
        for instance in list_instances(call, series)
        if not query.instance_uids or instance.uid in query.instance_uids
    ]
    page = slices[query.offset : query.offset + query.limit]
    told = [
        instance_attributes(series, instance)
        | _of_series(series)
        | {
            "RetrieveURL": url_for(
                "dicomweb.instance_metadata",
                study=valid_uid(series.study_uid),
                series=valid_uid(series.series_uid),
                instance=instance.uid,
                _external=True,
            ).removesuffix("/metadata")
        }
        for series, instance in page
    ]
    return _json(query, found, told, media_type, is_more=query.offset + len(page) < len(slices))


def _json(
    query: Query, found: Iterable[Series], told: list[dict[str, Any]], media_type: str, *, is_more: bool
) -> Response:
    record_list(sorted({series.patient_index for series in found}), searched=query.is_matched)
    body = json.dumps([dataset(values) for values in told], ensure_ascii=False) if told else ""
    response = Response(body, HTTPStatus.OK if told else HTTPStatus.NO_CONTENT, mimetype=media_type)
    if query.is_fuzzy:
        response.headers.add("Warning", NOT_FUZZY)
    if is_more:
        response.headers.add("Warning", MORE)
    return response


def _study(series: Series) -> dict[str, Any]:
    study = valid_uid(series.study_uid)
    return {
        **study_attributes(series),
        "InstanceAvailability": "ONLINE",
        "ModalitiesInStudy": "CT",
        "NumberOfStudyRelatedSeries": series.study_series,
        "NumberOfStudyRelatedInstances": series.study_slices,
        "RetrieveURL": url_for("dicomweb.study_metadata", study=study, _external=True).removesuffix("/metadata"),
    }


def _series(series: Series) -> dict[str, Any]:
    uids = _of_series(series)
    return {
        **series_attributes(series),
        **uids,
        "NumberOfSeriesRelatedInstances": series.slices,
        "RetrieveURL": url_for(
            "dicomweb.series_metadata",
            study=uids["StudyInstanceUID"],
            series=uids["SeriesInstanceUID"],
            _external=True,
        ).removesuffix("/metadata"),
    }


def _of_series(series: Series) -> dict[str, str]:
    return {"StudyInstanceUID": valid_uid(series.study_uid), "SeriesInstanceUID": valid_uid(series.series_uid)}
