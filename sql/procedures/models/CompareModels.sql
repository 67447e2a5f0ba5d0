-- CompareModels: two models on the test patients that both have scored: their figures, the difference, and whom they disagree on.
-- Example: EXECUTE dbo.CompareModels @A = N'lightgbm_sql', @B = N'logistic_max';
CREATE OR ALTER PROCEDURE dbo.CompareModels
    @A NVARCHAR(128) = NULL,                           -- name of a model; needed
    @B NVARCHAR(128) = NULL,                           -- name of another, or the same name; needed
    @VersionA INT = NULL,                              -- version of the first; NULL means the one served, see dbo.model_status
    @VersionB INT = NULL,                              -- version of the second; NULL means the one served, see dbo.model_status
    @Metric NVARCHAR(64) = N'auc',                     -- figure: auc, average_precision, log_loss or brier
    @Top INT = 10,                                     -- patients to list, 0 to 10000
    @InDetail BIT = 0,                                 -- 1 adds four result sets: errors, subgroups, spaces, features
    @Threshold FLOAT = 50,                             -- percent from which a score counts as cancer, for errors
    @Subgroups NVARCHAR(2000) = NULL,                  -- columns with commas between, whose values are compared one by one
    @SubgroupsFrom NVARCHAR(257) = N'dbo.scan_groups', -- view or table of those columns, with a column scan_id
    @Help BIT = 0                                      -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.CompareModels compares two models on the test patients that both have scored when they were trained.
The first result set has both figures, their difference (first minus second) and its 95 % interval by paired bootstrap;
the second the patients on whom the two disagree most. Patients whose label was changed between the runs are left out.
With @InDetail = 1 four more follow: who is wrong, with Cohen''s kappa of the errors and McNemar''s exact p; both figures by subgroup, of
those of which either class has 10 patients; how alike the spaces of their features are (linear CKA: 1 is the same but for rotation and
scale; the unbiased one does not rise with the number of features); and the features that only one uses, by its trees or coefficients.
This is a look at the test patients, which is counted in dbo.test_looks.
Parameters:
    @A NVARCHAR(128) = NULL                            name of a model; needed
    @B NVARCHAR(128) = NULL                            name of another, or the same name; needed
    @VersionA INT = NULL                               version of the first; NULL means the one served, see dbo.model_status
    @VersionB INT = NULL                               version of the second; NULL means the one served, see dbo.model_status
    @Metric NVARCHAR(64) = N''auc''                      figure: auc, average_precision, log_loss or brier
    @Top INT = 10                                      patients to list, 0 to 10000
    @InDetail BIT = 0                                  1 adds four result sets: errors, subgroups, spaces, features
    @Threshold FLOAT = 50                              percent from which a score counts as cancer, for errors
    @Subgroups NVARCHAR(2000) = NULL                   columns with commas between, whose values are compared one by one
    @SubgroupsFrom NVARCHAR(257) = N''dbo.scan_groups''  view or table of those columns, with a column scan_id
    @Help BIT = 0                                      1 prints this help and does nothing else
Examples:
    EXECUTE dbo.CompareModels @A = N''lightgbm_sql'', @B = N''logistic_max'';
    EXECUTE dbo.CompareModels @A = N''lightgbm_sql'', @B = N''logistic_max'', @InDetail = 1, @Subgroups = N''sex, manufacturer'';
    EXECUTE dbo.CompareModels @A = N''lightgbm_sql'', @VersionA = 2, @B = N''lightgbm_sql'', @VersionB = 1, @Metric = N''log_loss'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ClassifierA INT, @ClassifierB INT, @Patients INT;
    DECLARE @ValueA FLOAT, @ValueB FLOAT, @Difference FLOAT, @Low FLOAT, @High FLOAT;
    CREATE TABLE #evaluated (
        place INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, scan_id INT NULL, patient INT NOT NULL, label TINYINT NOT NULL, a FLOAT NOT NULL,
        b FLOAT NOT NULL);
    CREATE TABLE #groups (
        group_id INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, column_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
        value NVARCHAR(200) COLLATE DATABASE_DEFAULT NULL, values_hidden INT NULL);
    CREATE TABLE #grouped (group_id INT NOT NULL, place INT NOT NULL);
    IF @Top IS NULL OR @Top NOT BETWEEN 0 AND 10000
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Top AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Top is not supported. Supported values are 0 to 10000.');
        THROW 50101, @Message, 1;
    END;
    IF @Threshold IS NULL OR @Threshold NOT BETWEEN 0 AND 100
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Threshold AS NVARCHAR(30)), N'NULL'),
            N' for the parameter @Threshold is not supported. Supported values are percents from 0 to 100.');
        THROW 50101, @Message, 1;
    END;
    IF @Subgroups IS NOT NULL AND COALESCE(@InDetail, 0) = 0
    BEGIN
        SET @Message = N'@Subgroups was given without @InDetail = 1. Give both or neither.';
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.FindClassifier @A, @VersionA, @ClassifierA OUTPUT;
    EXECUTE internal.FindClassifier @B, @VersionB, @ClassifierB OUTPUT;
    EXECUTE internal.CompareScores @ClassifierA, @ClassifierB, @Metric, @Patients OUTPUT, @ValueA OUTPUT, @ValueB OUTPUT,
        @Difference OUTPUT, @Low OUTPUT, @High OUTPUT;
    SET @VersionA = (SELECT version FROM dbo.classifiers WHERE classifier_id = @ClassifierA);
    SET @VersionB = (SELECT version FROM dbo.classifiers WHERE classifier_id = @ClassifierB);
    IF @Patients = 0
    BEGIN
        SET @Message = CONCAT(N'''', @A, N''' version ', @VersionA, N' and ''', @B, N''' version ', @VersionB,
            N' have no test patients in common. Train one of them again on the other''s patients.');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50144, @Message, 1;
    END;

    -- Before a result set or a look: subgroups that cannot be read are refused.
    EXECUTE internal.TakeCommonScores @ClassifierA, @ClassifierB;
    EXECUTE internal.FindSubgroups @Subgroups, @SubgroupsFrom;
    EXECUTE internal.CountLook @ClassifierA, N'CompareModels';
    IF @ClassifierB <> @ClassifierA
        EXECUTE internal.CountLook @ClassifierB, N'CompareModels';
    SELECT @Metric AS metric, @Patients AS patients, @A AS model_a, @VersionA AS version_a, @ValueA AS value_a,
        @B AS model_b, @VersionB AS version_b, @ValueB AS value_b, @Difference AS difference, @Low AS low, @High AS high;
    SELECT TOP (@Top) p.idx AS patient_index, s.scan_id, CAST(a.label AS INT) AS label, 100 * a.probability AS percent_a,
        100 * b.probability AS percent_b, 100 * (a.probability - b.probability) AS difference
    FROM dbo.test_scores AS a
    INNER JOIN dbo.test_scores AS b ON b.patient_id = a.patient_id AND b.label = a.label
        AND (b.scan_id = a.scan_id OR 2 = (
            SELECT COUNT(*) FROM dbo.test_scores AS q
            WHERE q.patient_id = a.patient_id AND q.experiment_id IN (a.experiment_id, b.experiment_id)))
    INNER JOIN dbo.patients AS p ON p.patient_id = a.patient_id
    LEFT JOIN dbo.scans AS s ON s.scan_id = COALESCE(
        a.scan_id, (SELECT q.scan_id FROM dbo.scans AS q WHERE q.patient_id = a.patient_id AND q.is_primary = 1))
    WHERE a.experiment_id = (SELECT MAX(experiment_id) FROM dbo.experiments WHERE classifier_id = @ClassifierA)
        AND b.experiment_id = (SELECT MAX(experiment_id) FROM dbo.experiments WHERE classifier_id = @ClassifierB)
    ORDER BY ABS(a.probability - b.probability) DESC, p.idx;
    IF @InDetail = 1
    BEGIN
        DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.a', @A),
            N'$.version_a', @VersionA), N'$.b', @B), N'$.version_b', @VersionB), N'$.metric', @Metric);
        EXECUTE internal.StartRun N'CompareModels', @RunId OUTPUT, @Arguments;
        EXECUTE internal.CompareInDetail @ClassifierA, @ClassifierB, @Metric, @Threshold, @RunId;
        SET @Patients = (SELECT COUNT(*) FROM #evaluated);
        EXECUTE internal.EndRun @RunId, @Scans = @Patients;
    END;
END;
