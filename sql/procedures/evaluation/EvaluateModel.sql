-- EvaluateModel: measures a stored model on the scans of a data set, and beside it a model on age, sex, spacing and scanner alone.
-- Example: EXECUTE dbo.EvaluateModel @ModelName = N'lightgbm_sql', @Dataset = N'new patients';
CREATE OR ALTER PROCEDURE dbo.EvaluateModel
    @ModelName NVARCHAR(128) = N'lightgbm_sql',        -- name of a model in dbo.classifiers
    @Version INT = NULL,                               -- version of the model; NULL means the one served, see dbo.model_status
    @Dataset NVARCHAR(128) = NULL,                     -- data set of scans, see CreateDataset; needed
    @DatasetVersion INT = NULL,                        -- its version; NULL means the newest
    @Horizon INT = NULL,                               -- labels within so many days; 0: those of patients; NULL: as the model was trained
    @Subgroups NVARCHAR(2000) = NULL,                  -- columns with commas between, whose values are measured one by one
    @SubgroupsFrom NVARCHAR(257) = N'dbo.scan_groups', -- view or table of those columns, with a column scan_id
    @Prevalence FLOAT = NULL,                          -- share of positives at the site, for decision curves; NULL: setting, else the set's
    @Seed INT = 20170401,                              -- of the bootstrap, 0 to 2147483647
    @SkipMissing BIT = 0,                              -- 1 leaves out scans that are gone, replaced or without features; 0 refuses
    @Force BIT = 0,                                    -- 1 measures also where the model may have learnt from the set, and records that
    @Help BIT = 0                                      -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.EvaluateModel scores the scans of a data set with a stored model and measures it on those that have labels.
All figures of a training run, accuracy, precision and F1 too, with intervals by bootstrap over patients, go to dbo.evaluation_figures,
subgroups of which either class has 10 patients too; curves, also the decision curve, to dbo.evaluation_points; differences between
reconstructions of one study to dbo.evaluation_pairs; scores to dbo.evaluation_scores. Beside the model stand the figures of a
logistic regression on age, sex, spacing and scanner alone, learnt from the training patients: a set where it is good has a shortcut.
Refused, unless forced, where patients or pixels of the set were used to fit, stop, calibrate, search or combine the model, or
to train its network as far as that is recorded, and where it is not known, as of a model that was made elsewhere.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''         name of a model in dbo.classifiers
    @Version INT = NULL                                version of the model; NULL means the one served, see dbo.model_status
    @Dataset NVARCHAR(128) = NULL                      data set of scans, see CreateDataset; needed
    @DatasetVersion INT = NULL                         its version; NULL means the newest
    @Horizon INT = NULL                                labels within so many days; 0: those of patients; NULL: as the model was trained
    @Subgroups NVARCHAR(2000) = NULL                   columns with commas between, whose values are measured one by one
    @SubgroupsFrom NVARCHAR(257) = N''dbo.scan_groups''  view or table of those columns, with a column scan_id
    @Prevalence FLOAT = NULL                           share of positives at the site, for decision curves; NULL: setting, else the set''s
    @Seed INT = 20170401                               of the bootstrap, 0 to 2147483647
    @SkipMissing BIT = 0                               1 leaves out scans that are gone, replaced or without features; 0 refuses
    @Force BIT = 0                                     1 measures also where the model may have learnt from the set, and records that
    @Help BIT = 0                                      1 prints this help and does nothing else
Examples:
    EXECUTE dbo.EvaluateModel @ModelName = N''lightgbm_sql'', @Dataset = N''new patients'';
    EXECUTE dbo.EvaluateModel @Dataset = N''new patients'', @Subgroups = N''sex, manufacturer'', @Prevalence = 0.02;';
        RETURN 0;
    END;

    DECLARE @ClassifierId INT, @DatasetVersionId INT, @LeftOut INT, @Overlap NVARCHAR(1000), @Note NVARCHAR(2000), @EvaluationId INT;
    DECLARE @Said NVARCHAR(2000);
    CREATE TABLE #evaluated (
        place INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, scan_id INT NOT NULL UNIQUE,
        patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, patient INT NULL,
        study_uid NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, kernel NVARCHAR(64) COLLATE DATABASE_DEFAULT NULL,
        content_sha256 VARBINARY(32) NOT NULL, label TINYINT NULL, vector_sha256 VARBINARY(32) NULL,
        raw FLOAT NULL, probability FLOAT NULL);
    CREATE TABLE #groups (
        group_id INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, column_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
        value NVARCHAR(200) COLLATE DATABASE_DEFAULT NULL, values_hidden INT NULL);
    CREATE TABLE #grouped (group_id INT NOT NULL, place INT NOT NULL);
    CREATE TABLE #figures (
        kind VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, source VARCHAR(7) COLLATE DATABASE_DEFAULT NOT NULL, group_id INT NOT NULL,
        name NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, position INT NOT NULL, x FLOAT NULL, y FLOAT NULL, threshold FLOAT NULL,
        low FLOAT NULL, high FLOAT NULL);

    EXECUTE internal.CheckEvaluationArguments @Seed, @Horizon, @SkipMissing, @Force;
    EXECUTE internal.FindPrevalence @Prevalence OUTPUT;
    EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;
    EXECUTE internal.FindDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    EXECUTE internal.TakeEvaluated @ClassifierId, @DatasetVersionId, @SkipMissing, @Horizon OUTPUT, @LeftOut OUTPUT;
    EXECUTE internal.ReadForEvaluation @ClassifierId, @SkipMissing, @LeftOut OUTPUT;
    EXECUTE internal.FindSubgroups @Subgroups, @SubgroupsFrom;
    EXECUTE internal.FindOverlap @ClassifierId, @Force, @Overlap OUTPUT, @Note OUTPUT;
    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.model',
        @ModelName), N'$.version', @Version), N'$.dataset', @Dataset), N'$.dataset_version', @DatasetVersion), N'$.horizon', @Horizon);
    EXECUTE internal.StartRun N'EvaluateModel', @RunId OUTPUT, @Arguments;
    EXECUTE internal.ScoreEvaluated @ClassifierId, @RunId;
    EXECUTE internal.MeasureEvaluation @ClassifierId, @Horizon, @Prevalence, @Seed, @Note OUTPUT, @RunId;
    BEGIN TRY
        EXECUTE internal.StoreEvaluation @ClassifierId, @DatasetVersionId, @Horizon, @Prevalence, @Seed, @LeftOut, @Force, @Overlap, @Note,
            @EvaluationId OUTPUT;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        SET @Said = ERROR_MESSAGE();
        EXECUTE internal.EndRun @RunId, 0, @Said;
        THROW;
    END CATCH;

    SET @Said = COALESCE(@Overlap + N' ', N'') + COALESCE(@Note, N'');
    IF @Said <> N''
        RAISERROR(N'%s', 0, 1, @Said) WITH NOWAIT;
    DECLARE @Scans INT = (SELECT COUNT(*) FROM #evaluated);
    EXECUTE internal.EndRun @RunId, @Scans = @Scans;
    SELECT evaluation_id, name, version, dataset, dataset_version, horizon_days, patients, scans, positives, unlabelled, left_out,
        is_forced, overlap, note
    FROM dbo.model_evaluations
    WHERE evaluation_id = @EvaluationId;
    SELECT column_name, value AS subgroup, patients, scans, positives, values_hidden, source, metric, figure, low, high
    FROM dbo.evaluation_figures
    WHERE evaluation_id = @EvaluationId
    ORDER BY group_id, source DESC, metric;
    SELECT kernel_a, kernel_b, pairs, patients, mean_difference, sd_difference, mean_distance, largest
    FROM dbo.evaluation_pairs
    WHERE evaluation_id = @EvaluationId
    ORDER BY position;
END;
