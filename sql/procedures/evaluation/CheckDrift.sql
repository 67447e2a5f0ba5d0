-- CheckDrift: compares patients who came later with those whom a model was tested on: features, scores, scanners, kernels and spacings.
-- Example: EXECUTE dbo.CheckDrift @ModelName = N'lightgbm_sql', @Since = '2026-01-01';
CREATE OR ALTER PROCEDURE dbo.CheckDrift
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers
    @Version INT = NULL,                        -- version of the model; NULL means the one served, see dbo.model_status
    @Since DATETIME2(3) = NULL,                 -- UTC: patients whose scan was first scored then or later
    @Dataset NVARCHAR(128) = NULL,              -- a data set of scans in place of @Since
    @DatasetVersion INT = NULL,                 -- its version; NULL means the newest
    @Alpha FLOAT = 0.01,                        -- how often undisturbed patients may alarm, above 0 to 0.5
    @Permutations INT = NULL,                   -- 10 / @Alpha at least, 100000 at most; NULL means 1999, or 10 / @Alpha where that is more
    @Seed INT = 20170401,                       -- of the permutations, 0 to 2147483647
    @Top INT = 20,                              -- items to list, those that differ most, 1 to 100000
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.CheckDrift compares patients who came later with those whom the model was tested on when it was trained, one scan
of each: every feature that the model reads, its score, the spacing of slices, and the mix of scanners and of kernels.
The largest difference in standard errors decides. Who is later is permuted, so that patients who are drawn alike raise an alarm in
@Alpha of all calls at most, however many features there are. The population stability index is shown and decides nothing.
Later patients are those of a data set, or those whose scan was scored for the first time since then; of each the newest such scan.
Patients whom the model has learnt from are left out. At least 10 patients on either side are needed, and small groups show large
differences only. The check is kept in dbo.drift_checks and dbo.drift_items.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers
    @Version INT = NULL                         version of the model; NULL means the one served, see dbo.model_status
    @Since DATETIME2(3) = NULL                  UTC: patients whose scan was first scored then or later
    @Dataset NVARCHAR(128) = NULL               a data set of scans in place of @Since
    @DatasetVersion INT = NULL                  its version; NULL means the newest
    @Alpha FLOAT = 0.01                         how often undisturbed patients may alarm, above 0 to 0.5
    @Permutations INT = NULL                    10 / @Alpha at least, 100000 at most; NULL means 1999, or 10 / @Alpha where that is more
    @Seed INT = 20170401                        of the permutations, 0 to 2147483647
    @Top INT = 20                               items to list, those that differ most, 1 to 100000
    @Help BIT = 0                               1 prints this help and does nothing else
Examples:
    EXECUTE dbo.CheckDrift @ModelName = N''lightgbm_sql'', @Since = ''2026-01-01'';
    EXECUTE dbo.CheckDrift @Dataset = N''new patients'', @Alpha = 0.001;';
        RETURN 0;
    END;

    DECLARE @ClassifierId INT, @DatasetVersionId INT, @CheckId INT, @Statistic FLOAT, @PValue FLOAT, @Said NVARCHAR(2000);
    DECLARE @Tested INT, @Later INT;
    CREATE TABLE #compared (
        place INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, scan_id INT NOT NULL UNIQUE,
        patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL UNIQUE, is_later BIT NOT NULL, vector_sha256 VARBINARY(32) NULL);
    CREATE TABLE #items (
        place INT IDENTITY(0, 1) NOT NULL PRIMARY KEY, kind VARCHAR(8) COLLATE DATABASE_DEFAULT NOT NULL, feature_index INT NULL,
        statistic FLOAT NULL, p_value FLOAT NULL, stability_index FLOAT NULL);

    EXECUTE internal.CheckDriftArguments @Since, @Dataset, @DatasetVersion, @Alpha, @Seed, @Top, @Permutations OUTPUT;
    EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;
    IF @Dataset IS NOT NULL
        EXECUTE internal.FindDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    EXECUTE internal.TakeCompared @ClassifierId, @Since, @DatasetVersionId;
    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.model', @ModelName),
        N'$.version', @Version), N'$.dataset', @Dataset), N'$.permutations', @Permutations);
    EXECUTE internal.StartRun N'CheckDrift', @RunId OUTPUT, @Arguments;
    EXECUTE internal.MeasureDrift @ClassifierId, @Permutations, @Seed, @Statistic OUTPUT, @PValue OUTPUT, @RunId;
    BEGIN TRY
        EXECUTE internal.StoreDrift @ClassifierId, @Since, @DatasetVersionId, @Alpha, @Permutations, @Seed, @Statistic, @PValue,
            @CheckId OUTPUT;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        SET @Said = ERROR_MESSAGE();
        EXECUTE internal.EndRun @RunId, 0, @Said;
        THROW;
    END CATCH;

    SELECT @Tested = tested_patients, @Later = later_patients FROM dbo.drift_checks WHERE drift_check_id = @CheckId;
    SET @Said = (
        SELECT CONCAT(name, N' version ', version, N': ', IIF(is_alarm = 1, N'ALARM. ', N'no alarm. '), @Later,
            N' later patients differ from ', @Tested,
            N' tested ones by ', LTRIM(STR(statistic, 10, 2)), N' standard errors at most (', most_different,
            N'), as large by chance in ', LTRIM(STR(100 * p_value, 10, 2)), N' % of ', permutations, N' permutations; alarm at ',
            LTRIM(STR(100 * alpha, 10, 2)), N' %.')
        FROM dbo.drift_alarms
        WHERE drift_check_id = @CheckId);
    SET @Tested = @Tested + @Later;
    EXECUTE internal.ReportStep @RunId, @Said, NULL, NULL, @Tested;
    EXECUTE internal.EndRun @RunId;
    SELECT drift_check_id, name, version, later_since, dataset, dataset_version, tested_patients, later_patients, permutations, seed, alpha,
        statistic, p_value, is_alarm, most_different
    FROM dbo.drift_alarms
    WHERE drift_check_id = @CheckId;
    SELECT TOP (@Top) kind, feature_index, name, statistic, p_value, stability_index
    FROM dbo.drift_items
    WHERE drift_check_id = @CheckId
    ORDER BY statistic DESC, position;
END;
