-- CheckModelSql: says whether plain T-SQL can score a model, and how far from Python it scores.
-- Example: EXECUTE dbo.CheckModelSql @ModelName = N'lightgbm_sql';
CREATE OR ALTER PROCEDURE dbo.CheckModelSql
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers
    @Version INT = NULL,                        -- version of the model; NULL means the one served, see dbo.model_status
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.CheckModelSql says whether dbo.PredictPatientsSql and lungdb copy can use a model: its rows in dbo.model_nodes or
dbo.model_coefficients must be whole, and its scores within 1e-6 of those of Python, numbers beyond 1 in
proportion to them. A model of which that is not so is refused, with what to do. Of one that can be used it returns a row:
classifier_id, name, version, the number of trees (0 for a logistic regression), the number of patients whose scores were compared, the
largest difference, and when that was done.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers
    @Version INT = NULL                         version of the model; NULL means the one served, see dbo.model_status
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.CheckModelSql @ModelName = N''lightgbm_sql'';';
        RETURN 0;
    END;

    DECLARE @ClassifierId INT;
    EXECUTE internal.FindScoring @ModelName, @Version, @ClassifierId OUTPUT;
    SELECT c.classifier_id, c.name, c.version, s.trees, k.patients, k.max_difference, k.checked_at
    FROM dbo.classifiers AS c
    INNER JOIN dbo.model_scoring AS s ON s.classifier_id = c.classifier_id
    INNER JOIN dbo.model_checks AS k ON k.classifier_id = c.classifier_id
    WHERE c.classifier_id = @ClassifierId;
END;
