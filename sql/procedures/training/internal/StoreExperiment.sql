-- StoreExperiment: stores a trained model as the next version of its name, and the run that made it; inside the caller's transaction.
-- Called by TrainLungCancerModel, whose tables #patients and #result it reads.
CREATE OR ALTER PROCEDURE internal.StoreExperiment
    @ModelName NVARCHAR(128),    -- name of the model
    @Library NVARCHAR(32),       -- lightgbm or logistic
    @FeatureSetId INT,           -- feature set that it reads
    @Pooling NVARCHAR(32),       -- pooling that it reads
    @Classifier VARBINARY(MAX),  -- the model
    @Details NVARCHAR(MAX),      -- what it was trained with and how it is calibrated, JSON
    @Seed INT,                   -- seed of the run
    @Started DATETIME2(3),       -- when the run began, UTC
    @Version INT OUTPUT,         -- version given
    @ExperimentId INT OUTPUT     -- the run's row
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    SET @Version = (SELECT COALESCE(MAX(version), 0) + 1 FROM dbo.classifiers WITH (UPDLOCK, HOLDLOCK) WHERE name = @ModelName);
    INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details)
    VALUES (@ModelName, @Version, @Library, @FeatureSetId, @Pooling, @Classifier, HASHBYTES('SHA2_256', @Classifier), @Details);
    INSERT INTO dbo.experiments (classifier_id, seed, parameters, started_at)
    VALUES (SCOPE_IDENTITY(), @Seed, JSON_QUERY(@Details, N'$.parameters'), @Started);
    SET @ExperimentId = SCOPE_IDENTITY();

    -- The label comes from here: the script was never told that of a test patient.
    INSERT INTO dbo.experiment_patients (
        experiment_id, patient_id, part, fold, probability, scan_id, vector_sha256, label, raw, out_of_fold)
    SELECT @ExperimentId, r.patient_id, r.part, NULLIF(r.fold, -1), r.probability, t.scan_id, t.vector_sha256, t.label,
        r.raw, r.out_of_fold
    FROM #result AS r
    INNER JOIN #patients AS t ON t.patient_id = r.patient_id;
END;
