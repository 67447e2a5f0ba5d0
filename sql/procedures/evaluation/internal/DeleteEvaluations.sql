-- DeleteEvaluations: deletes the evaluations and drift checks of a model, inside the caller's transaction.
-- Called by DeleteModel.
CREATE OR ALTER PROCEDURE internal.DeleteEvaluations
    @ClassifierId INT -- the model
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DELETE FROM dbo.evaluation_pairs
    WHERE evaluation_id IN (SELECT evaluation_id FROM dbo.evaluations WHERE classifier_id = @ClassifierId);
    DELETE FROM dbo.evaluation_scores
    WHERE evaluation_id IN (SELECT evaluation_id FROM dbo.evaluations WHERE classifier_id = @ClassifierId);
    DELETE FROM dbo.evaluation_curves
    WHERE evaluation_id IN (SELECT evaluation_id FROM dbo.evaluations WHERE classifier_id = @ClassifierId);
    DELETE FROM dbo.evaluation_metrics
    WHERE evaluation_id IN (SELECT evaluation_id FROM dbo.evaluations WHERE classifier_id = @ClassifierId);
    DELETE FROM dbo.evaluation_groups
    WHERE evaluation_id IN (SELECT evaluation_id FROM dbo.evaluations WHERE classifier_id = @ClassifierId);
    DELETE FROM dbo.evaluations WHERE classifier_id = @ClassifierId;
    DELETE FROM dbo.drift_items
    WHERE drift_check_id IN (SELECT drift_check_id FROM dbo.drift_checks WHERE classifier_id = @ClassifierId);
    DELETE FROM dbo.drift_checks WHERE classifier_id = @ClassifierId;
END;
