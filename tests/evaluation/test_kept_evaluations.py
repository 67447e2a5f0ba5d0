"""What EvaluateModel says, counts and keeps, and what becomes of it when models and data sets are deleted."""

from __future__ import annotations

from lungdb.database import Connection, run
from tests.support.databases import refused, rows, said

EVALUATE = "EXECUTE dbo.EvaluateModel @Dataset = N'held out'"
LINEAR = f"{EVALUATE}, @ModelName = N'100% linear'"
TOLD = "@SubgroupsFrom = N'dbo.told'"


def test_deleting_a_model_deletes_its_evaluations(measurable: Connection) -> None:
    """Those of other models stay."""
    run(measurable, f"{EVALUATE}, @Version = 2, @Subgroups = N'sex', {TOLD};")
    run(measurable, f"{LINEAR};")
    run(measurable, "EXECUTE dbo.DeleteModel @ModelName = N'lightgbm_sql', @Version = 2;")
    assert rows(measurable, "SELECT name FROM dbo.model_evaluations;") == [("100% linear",)]
    for table in ("groups", "metrics", "curves", "scores", "pairs"):
        assert rows(measurable, f"SELECT DISTINCT evaluation_id FROM dbo.evaluation_{table};") == [(2,)]


def test_measuring_test_patients_is_a_look_at_them_and_other_patients_are_none(measurable: Connection) -> None:
    """Whatever the data set is called."""
    looks = "SELECT COUNT(*) FROM dbo.test_looks WHERE looked_with = N'EvaluateModel';"
    run(measurable, f"{EVALUATE};")
    assert rows(measurable, looks) == [(1,)]
    run(measurable, "EXECUTE dbo.CreateDataset @Name = N'train', @Part = N'train';")
    run(measurable, "EXECUTE dbo.EvaluateModel @Dataset = N'train', @Force = 1;")
    assert rows(measurable, looks) == [(1,)]


def test_the_columns_of_the_view_that_stands_ready_are_read_as_words(measurable: Connection) -> None:
    """Sex and scanner without a view of one's own."""
    run(measurable, f"{EVALUATE}, @Subgroups = N'sex,manufacturer,convolution_kernel';")
    shown = rows(
        measurable, "SELECT column_name, value FROM dbo.evaluation_groups WHERE group_id > 0 AND values_hidden IS NULL;"
    )
    assert {("sex", "F"), ("sex", "M"), ("convolution_kernel", "B30f"), ("convolution_kernel", "B70f")} <= set(shown)


def test_what_the_network_was_trained_on_is_said_not_to_be_known(measurable: Connection) -> None:
    """A network loaded without that record is no reason to refuse."""
    assert "What the network made up was trained on is not recorded" in said(measurable, f"{EVALUATE};")


def test_a_data_set_that_an_evaluation_or_a_drift_check_refers_to_is_not_deleted(measurable: Connection) -> None:
    """What was measured stays explainable; deleting the model frees the data set."""
    run(measurable, f"{EVALUATE}, @Version = 2;")
    message = refused(measurable, "EXECUTE dbo.DeleteDataset @Name = N'held out';", 50275)
    assert message.startswith("0 trainings, 1 evaluations or drift checks and 0 searches")
    run(measurable, "DELETE FROM dbo.model_promotions;")
    run(measurable, "EXECUTE dbo.DeleteModel @ModelName = N'lightgbm_sql', @Version = 2;")
    run(measurable, "EXECUTE dbo.DeleteDataset @Name = N'held out';")
