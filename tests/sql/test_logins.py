"""Who was connected is kept beside whom the session names, because any session can name whom it likes."""

from __future__ import annotations

import getpass
from collections.abc import Iterator

import pytest

from lungdb.database import Connection, connect, install, run
from tests.old_schema import unpack_schema_9


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Return a database of version 9 with scores, upgraded, whose session then says that it is somebody else's."""
    connection = connect(f"sqlite:///{unpack_schema_9(tmp_path_factory.mktemp('logins'))}")
    run(connection, "EXECUTE dbo.RecordAudit @Action = 'view_patient', @PatientIndex = 0, @Account = N'before';")
    install(connection)
    run(connection, "EXECUTE sp_set_session_context N'user', N'dr.jones';")
    yield connection
    connection.close()


def test_a_score_of_before_has_no_login_and_a_new_one_has_it(upgraded: Connection) -> None:
    """predicted_by is what the session says, login_name who the system says is connected."""
    scored = "SELECT COUNT(*), COUNT(login_name), MAX(prediction_id) FROM dbo.predictions;"
    ((scores, logins, last),) = run(upgraded, scored)[-1].rows
    assert scores > 0
    assert logins == 0
    run(
        upgraded,
        "INSERT INTO dbo.predictions (scan_id, classifier_id, probability) "
        "SELECT scan_id, classifier_id, 0.5 FROM dbo.predictions WHERE prediction_id = ?;",
        (last,),
    )
    new = "SELECT prediction_id, predicted_by, login_name FROM dbo.predictions WHERE prediction_id > ?;"
    ((number, by, login),) = run(upgraded, new, (last,))[-1].rows
    assert (by, login) == ("dr.jones", getpass.getuser())
    chains = [run(upgraded, "EXECUTE dbo.LineageOf @PredictionId = ?;", (each,))[-1].rows for each in (last, number)]
    old, new_detail = (str(next(row for row in rows if "prediction" in row)) for rows in chains)
    assert f"by dr.jones, connected as {getpass.getuser()}" in new_detail
    assert "connected as" not in old


def test_the_audit_names_the_login_beside_the_account(upgraded: Connection) -> None:
    """The line of before the upgrade has none."""
    run(upgraded, "EXECUTE dbo.RecordAudit @Action = 'view_patient', @PatientIndex = 0;")
    result = run(upgraded, "EXECUTE dbo.ReadAudit @Limit = 2;")[-1]
    lines = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    assert [(line["account"], line["login_name"]) for line in lines] == [
        ("dr.jones", getpass.getuser()),
        ("before", None),
    ]
