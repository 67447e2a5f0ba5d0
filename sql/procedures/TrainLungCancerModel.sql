-- TrainLungCancerModel: trains LightGBM on the pooled features of the labelled patients and stores the model as a new version.
-- Example: EXECUTE dbo.TrainLungCancerModel @Pooling = N'max';
CREATE OR ALTER PROCEDURE dbo.TrainLungCancerModel
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name to store the model under; each run adds a version
    @Pooling NVARCHAR(32) = N'mean',       -- pooling of the features: mean, max, mean_max_std or pca1
    @NetworkName NVARCHAR(128) = NULL,     -- network of the features; NULL means any
    @Layer NVARCHAR(256) = NULL,           -- layer of the features; NULL means any
    @Preprocessing NVARCHAR(32) = NULL,    -- preprocessing of the features; NULL means any
    @Seed INT = 20170401,                  -- of the validation part and of LightGBM; 0 to 2147483647
    @ValidationFraction FLOAT = 0.2,       -- share of the training patients kept for early stopping, 0.05 to 0.5
    @LearningRate FLOAT = 0.05,            -- shrinkage of each tree, 0.001 to 1
    @NumLeaves INT = 7,                    -- leaves of a tree, 2 to 1024
    @MinDataInLeaf INT = 10,               -- patients in a leaf at least, 1 to 10000
    @MaxIterations INT = 500,              -- trees at most, 1 to 10000
    @EarlyStoppingRounds INT = 50,         -- trees without a better validation loss before it stops, 1 to 1000
    @Help BIT = 0                          -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.TrainLungCancerModel trains LightGBM on the pooled features of the labelled patients'' primary scans.
The test patients are those of dbo.splits and are used for the test figures only; a part of the others is kept for early stopping.
When several feature sets fit the parameters, the newest is taken, and a message says which.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name to store the model under; each run adds a version
    @Pooling NVARCHAR(32) = N''mean''             pooling of the features: mean, max, mean_max_std or pca1
    @NetworkName NVARCHAR(128) = NULL           network of the features; NULL means any
    @Layer NVARCHAR(256) = NULL                 layer of the features; NULL means any
    @Preprocessing NVARCHAR(32) = NULL          preprocessing of the features; NULL means any
    @Seed INT = 20170401                        of the validation part and of LightGBM; 0 to 2147483647
    @ValidationFraction FLOAT = 0.2             share of the training patients kept for early stopping, 0.05 to 0.5
    @LearningRate FLOAT = 0.05                  shrinkage of each tree, 0.001 to 1
    @NumLeaves INT = 7                          leaves of a tree, 2 to 1024
    @MinDataInLeaf INT = 10                     patients in a leaf at least, 1 to 10000
    @MaxIterations INT = 500                    trees at most, 1 to 10000
    @EarlyStoppingRounds INT = 50               trees without a better validation loss before it stops, 1 to 1000
    @Help BIT = 0                               1 prints this help and does nothing else
Examples:
    EXECUTE dbo.TrainLungCancerModel;
    EXECUTE dbo.TrainLungCancerModel @ModelName = N''lightgbm_max'', @Pooling = N''max'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @FeatureSetId INT, @Width INT;
    EXECUTE dbo.CheckTrainingArguments @ModelName, @Seed, @ValidationFraction, @LearningRate, @NumLeaves, @MinDataInLeaf, @MaxIterations, @EarlyStoppingRounds;
    EXECUTE dbo.FindFeatureSet @NetworkName, @Layer, @Preprocessing, @Pooling, @FeatureSetId OUTPUT;
    EXECUTE dbo.AssignSplits;
    SET @Width = (SELECT width FROM dbo.feature_sets WHERE feature_set_id = @FeatureSetId);

    DECLARE @Language NVARCHAR(128) = COALESCE((SELECT value FROM dbo.settings WHERE name = N'external_language'), N'Python');
    DECLARE @Parameters NVARCHAR(MAX) = CONCAT(N'{"seed": ', @Seed, N', "validation_fraction": ', @ValidationFraction,
        N', "learning_rate": ', @LearningRate, N', "num_leaves": ', @NumLeaves, N', "min_data_in_leaf": ', @MinDataInLeaf,
        N', "max_iterations": ', @MaxIterations, N', "early_stopping_rounds": ', @EarlyStoppingRounds, N'}');
    DECLARE @Started DATETIME2(3) = SYSUTCDATETIME(), @Version INT, @ClassifierId INT, @ExperimentId INT;
    DECLARE @Classifier VARBINARY(MAX), @Details NVARCHAR(MAX), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    CREATE TABLE #result (patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, part VARCHAR(10) NOT NULL, probability FLOAT NOT NULL);

    INSERT INTO #result (patient_id, part, probability)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(patients, width, parameters):
    from lungdb.procedures import train_lung_cancer_model
    return train_lung_cancer_model(patients, width, parameters)

OutputDataSet, Classifier, Details, ErrorNumber, ErrorMessage = main(InputDataSet, Width, Parameters)
',
        @input_data_1 = N'
SELECT s.patient_id, sp.part, CAST(l.label AS INT) AS label, f.vector
FROM dbo.scans AS s
INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id
INNER JOIN dbo.splits AS sp ON sp.patient_id = s.patient_id
INNER JOIN dbo.pooled_features AS f ON f.scan_id = s.scan_id
WHERE s.is_primary = 1 AND f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
ORDER BY s.patient_id;',
        @params = N'@FeatureSetId INT, @Pooling NVARCHAR(32), @Width INT, @Parameters NVARCHAR(MAX), @Classifier VARBINARY(MAX) OUTPUT,
            @Details NVARCHAR(MAX) OUTPUT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @FeatureSetId = @FeatureSetId, @Pooling = @Pooling, @Width = @Width, @Parameters = @Parameters, @Classifier = @Classifier OUTPUT,
        @Details = @Details OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    BEGIN TRANSACTION;
    SET @Version = (SELECT COALESCE(MAX(version), 0) + 1 FROM dbo.classifiers WITH (UPDLOCK, HOLDLOCK) WHERE name = @ModelName);
    INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details)
    VALUES (@ModelName, @Version, N'lightgbm', @FeatureSetId, @Pooling, @Classifier, HASHBYTES('SHA2_256', @Classifier), @Details);
    SET @ClassifierId = SCOPE_IDENTITY();
    INSERT INTO dbo.experiments (classifier_id, seed, parameters, started_at)
    VALUES (@ClassifierId, @Seed, @Parameters, @Started);
    SET @ExperimentId = SCOPE_IDENTITY();
    INSERT INTO dbo.experiment_patients (experiment_id, patient_id, part, probability)
    SELECT @ExperimentId, patient_id, part, probability FROM #result;
    INSERT INTO dbo.experiment_metrics (experiment_id, part, metric, value)
    SELECT @ExperimentId, p.[key], m.[key], CAST(m.[value] AS FLOAT)
    FROM dbo.classifiers AS c
    CROSS APPLY OPENJSON(c.details, N'$.metrics') AS p
    CROSS APPLY OPENJSON(p.[value]) AS m
    WHERE c.classifier_id = @ClassifierId;
    COMMIT TRANSACTION;

    DECLARE @Patients INT = (SELECT COUNT(*) FROM #result), @Figures NVARCHAR(400) = (
        SELECT STRING_AGG(CONCAT(metric, N' ', COALESCE(LTRIM(STR(value, 10, 4)), N'not defined')), N', ')
        FROM dbo.experiment_metrics WHERE experiment_id = @ExperimentId AND part = 'test');
    RAISERROR(N'%s version %d is trained on %d patients and stored. On the test patients: %s.', 0, 1, @ModelName, @Version, @Patients, @Figures) WITH NOWAIT;
END;
