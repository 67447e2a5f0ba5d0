-- WrongCases: the test patients that a model puts on the wrong side of a threshold, the most wrong first.
-- Example: EXECUTE dbo.WrongCases @ModelName = N'lightgbm_sql', @Threshold = 40;
CREATE OR ALTER PROCEDURE dbo.WrongCases
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers
    @Threshold FLOAT = 50,                      -- percent from which a score counts as cancer, 0 to 100
    @Version INT = NULL,                        -- version of the model; NULL means the one served, see dbo.model_status
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.WrongCases lists the test patients that a model puts on the wrong side of a threshold, the most wrong first,
with scan, label and score in percent, calibrated and raw, as they were when the model was trained.
This is a look at the test patients, which is counted in dbo.test_looks.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers
    @Threshold FLOAT = 50                       percent from which a score counts as cancer, 0 to 100
    @Version INT = NULL                         version of the model; NULL means the one served, see dbo.model_status
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.WrongCases @ModelName = N''lightgbm_sql'', @Threshold = 40;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ClassifierId INT;
    IF @Threshold IS NULL OR @Threshold NOT BETWEEN 0 AND 100
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Threshold AS NVARCHAR(30)), N'NULL'),
            N' for the parameter @Threshold is not supported. Supported values are percents from 0 to 100.');
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;

    EXECUTE internal.NeedProbabilities @ClassifierId, N'WrongCases lists the test patients of';
    EXECUTE internal.CountLook @ClassifierId, N'WrongCases';
    -- Runs of schema version 3 and older did not record the scan.
    SELECT p.idx AS patient_index, COALESCE(e.scan_id, s.scan_id) AS scan_id,
        IIF(t.label = 1, N'missed cancer', N'false alarm') AS mistake, CAST(t.label AS INT) AS label,
        100 * t.probability AS prediction_percent, 100 * t.raw AS raw_percent
    FROM dbo.test_scores AS t
    INNER JOIN dbo.patients AS p ON p.patient_id = t.patient_id
    INNER JOIN dbo.experiment_patients AS e ON e.experiment_id = t.experiment_id AND e.patient_id = t.patient_id AND e.member = t.member
    LEFT JOIN dbo.scans AS s ON s.patient_id = t.patient_id AND s.is_primary = 1
    WHERE t.experiment_id = (SELECT MAX(experiment_id) FROM dbo.experiments WHERE classifier_id = @ClassifierId)
        AND t.label <> IIF(100 * t.probability >= @Threshold, 1, 0)
    ORDER BY ABS(t.label - t.probability) DESC, p.idx;
END;
