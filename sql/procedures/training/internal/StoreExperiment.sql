-- StoreExperiment: stores a trained model as the next version of its name, and the run that made it; inside the caller's transaction.
-- It is the only writer of dbo.experiment_metrics and dbo.experiment_curves. A patient removed meanwhile is left out.
-- Called by TrainModel and CreateEnsemble, whose tables #patients, #result and #figures it reads.
CREATE OR ALTER PROCEDURE internal.StoreExperiment
    @ModelName NVARCHAR(128),    -- name of the model
    @Library NVARCHAR(32),       -- lightgbm, logistic, network or ensemble
    @FeatureSetId INT,           -- feature set that it reads
    @Pooling NVARCHAR(32),       -- pooling that it reads
    @Classifier VARBINARY(MAX),  -- the model
    @Details NVARCHAR(MAX),      -- what it was trained with and how it is calibrated, JSON
    @Seed INT,                   -- seed of the run
    @Started DATETIME2(3),       -- when the run began, UTC
    @DatasetVersionId INT,       -- data set that it was trained on, or NULL
    @Horizon INT,                -- horizon of the labels in days, or NULL
    @Version INT OUTPUT,         -- version given
    @ExperimentId INT OUTPUT,    -- the run's row
    @Task VARCHAR(14) = 'classification' -- classification or regression
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ClassifierId INT;
    IF NOT EXISTS (SELECT 1 FROM dbo.feature_sets WITH (UPDLOCK, HOLDLOCK) WHERE feature_set_id = @FeatureSetId)
    BEGIN
        SET @Message = N'The feature set was deleted while the model was trained. Nothing is stored. Train on another one.';
        THROW 50232, @Message, 1;
    END;
    SET @Version = (SELECT COALESCE(MAX(version), 0) + 1 FROM dbo.classifiers WITH (UPDLOCK, HOLDLOCK) WHERE name = @ModelName);
    EXECUTE internal.CheckTask @ModelName, @Task;
    INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details, task)
    VALUES (@ModelName, @Version, @Library, @FeatureSetId, @Pooling, @Classifier, HASHBYTES('SHA2_256', @Classifier), @Details, @Task);
    SET @ClassifierId = SCOPE_IDENTITY();
    EXECUTE internal.KeepChampion @ClassifierId;
    INSERT INTO dbo.experiments (classifier_id, seed, parameters, started_at, dataset_version_id, horizon_days)
    VALUES (@ClassifierId, @Seed, JSON_QUERY(@Details, N'$.parameters'), @Started, @DatasetVersionId, @Horizon);
    SET @ExperimentId = SCOPE_IDENTITY();

    -- The label comes from here: the script was never told that of a test patient.
    INSERT INTO dbo.experiment_patients (
        experiment_id, patient_id, member, part, fold, probability, scan_id, vector_sha256, label, raw, out_of_fold,
        target, predicted)
    SELECT @ExperimentId, t.patient_id, t.member, r.part, NULLIF(r.fold, -1), r.probability, t.scan_id, t.vector_sha256, t.label,
        IIF(t.target IS NULL, r.raw, NULL), r.out_of_fold, t.target, IIF(t.target IS NULL, NULL, r.raw)
    FROM #result AS r
    INNER JOIN (
        SELECT place, patient_id, scan_id, vector_sha256, label, target,
            CAST(ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY place) - 1 AS INT) AS member
        FROM #patients) AS t ON t.place = r.place
    INNER JOIN dbo.patients AS p WITH (UPDLOCK, HOLDLOCK) ON p.patient_id = t.patient_id;
    INSERT INTO dbo.experiment_metrics (experiment_id, part, metric, value)
    SELECT @ExperimentId, part, name, y FROM #figures WHERE kind = 'metric';
    INSERT INTO dbo.experiment_curves (experiment_id, part, curve, position, x, y, threshold)
    SELECT @ExperimentId, part, name, position, x, y, threshold FROM #figures WHERE kind = 'curve';
END;
