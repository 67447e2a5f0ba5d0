-- CompareFigures: a figure of two models on the test patients that both have scored, and no word of the patients themselves.
-- Example: EXECUTE dbo.CompareFigures @A = N'lightgbm_sql', @B = N'logistic_max';
CREATE OR ALTER PROCEDURE dbo.CompareFigures
    @A NVARCHAR(128) = NULL,       -- name of a model; needed
    @B NVARCHAR(128) = NULL,       -- name of another, or the same name; needed
    @VersionA INT = NULL,          -- version of the first; NULL means the one served, see dbo.model_status
    @VersionB INT = NULL,          -- version of the second; NULL means the one served, see dbo.model_status
    @Metric NVARCHAR(64) = N'auc', -- figure: auc, average_precision, log_loss or brier
    @Help BIT = 0                  -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.CompareFigures gives the first result set of dbo.CompareModels alone, for those who may know how good two models are
but not who the patients are on whom they disagree: a row with both figures on the test patients that both have scored,
their difference (first minus second) and its 95 % interval by paired bootstrap.
This is a look at the test patients, which is counted in dbo.test_looks.
Patients whose label was changed between the runs are left out. Without common patients their number is 0 and the figures
are NULL.
Parameters:
    @A NVARCHAR(128) = NULL        name of a model; needed
    @B NVARCHAR(128) = NULL        name of another, or the same name; needed
    @VersionA INT = NULL           version of the first; NULL means the one served, see dbo.model_status
    @VersionB INT = NULL           version of the second; NULL means the one served, see dbo.model_status
    @Metric NVARCHAR(64) = N''auc''  figure: auc, average_precision, log_loss or brier
    @Help BIT = 0                  1 prints this help and does nothing else
Examples:
    EXECUTE dbo.CompareFigures @A = N''lightgbm_sql'', @B = N''logistic_max'';
    EXECUTE dbo.CompareFigures @A = N''lightgbm_sql'', @VersionA = 2, @B = N''lightgbm_sql'', @VersionB = 1, @Metric = N''log_loss'';';
        RETURN 0;
    END;

    DECLARE @ClassifierA INT, @ClassifierB INT, @Patients INT;
    DECLARE @ValueA FLOAT, @ValueB FLOAT, @Difference FLOAT, @Low FLOAT, @High FLOAT;
    EXECUTE internal.FindClassifier @A, @VersionA, @ClassifierA OUTPUT;
    EXECUTE internal.FindClassifier @B, @VersionB, @ClassifierB OUTPUT;
    EXECUTE internal.CompareScores @ClassifierA, @ClassifierB, @Metric, @Patients OUTPUT, @ValueA OUTPUT, @ValueB OUTPUT,
        @Difference OUTPUT, @Low OUTPUT, @High OUTPUT;
    IF @Patients > 0
        EXECUTE internal.CountLook @ClassifierA, N'CompareFigures';
    IF @Patients > 0 AND @ClassifierB <> @ClassifierA
        EXECUTE internal.CountLook @ClassifierB, N'CompareFigures';
    SELECT @Metric AS metric, @Patients AS patients, @A AS model_a, a.version AS version_a, @ValueA AS value_a,
        @B AS model_b, b.version AS version_b, @ValueB AS value_b, @Difference AS difference, @Low AS low, @High AS high
    FROM dbo.classifiers AS a
    CROSS JOIN dbo.classifiers AS b
    WHERE a.classifier_id = @ClassifierA AND b.classifier_id = @ClassifierB;
END;
