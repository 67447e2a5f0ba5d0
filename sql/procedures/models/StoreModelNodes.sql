-- StoreModelNodes: writes a model into tables from which plain T-SQL scores it, and checks its scores there against Python's.
-- Example: EXECUTE dbo.StoreModelNodes @ModelName = N'lightgbm_sql';
CREATE OR ALTER PROCEDURE dbo.StoreModelNodes
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers
    @Version INT = NULL,                        -- version of the model; NULL means the one served, see dbo.model_status
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.StoreModelNodes writes a model into dbo.model_scoring, dbo.model_nodes or dbo.model_coefficients, and
dbo.model_calibration, from which PredictLungCancerSql and PredictPatientsSql score it with T-SQL alone, here or on a server
without external scripts.
It scores every scan that has features both ways and keeps the largest difference in dbo.model_checks; below 1e-6 is needed.
Training calls it; call it for models that were trained before, and to check one again on new patients.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers
    @Version INT = NULL                         version of the model; NULL means the one served, see dbo.model_status
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.StoreModelNodes @ModelName = N''lightgbm_sql'';';
        RETURN 0;
    END;

    DECLARE @Said NVARCHAR(2000), @ClassifierId INT, @FeatureSetId INT, @Pooling NVARCHAR(32), @Number INT, @Name NVARCHAR(128);
    DECLARE @Classifier VARBINARY(MAX), @Sha256 VARBINARY(32), @Text VARCHAR(64), @Library NVARCHAR(32), @Details NVARCHAR(MAX);
    DECLARE @Scores NVARCHAR(MAX), @Width INT, @Trees INT, @Divisor FLOAT, @Steepness FLOAT;
    CREATE TABLE #given (
        tree INT NULL, node INT NULL, feature_index INT NULL, threshold FLOAT NULL, missing VARCHAR(4) COLLATE DATABASE_DEFAULT NULL,
        default_left INT NULL, left_node INT NULL, right_node INT NULL, leaf_value FLOAT NULL);

    EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;
    SELECT @FeatureSetId = c.feature_set_id, @Pooling = c.pooling, @Classifier = c.model, @Library = c.library, @Details = c.details,
        @Sha256 = c.sha256, @Text = CONVERT(VARCHAR(64), c.sha256, 2), @Name = c.name, @Number = c.version
    FROM dbo.classifiers AS c
    WHERE c.classifier_id = @ClassifierId;
    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(N'{}', N'$.model', @Name), N'$.version', @Number);
    EXECUTE internal.StartRun N'StoreModelNodes', @RunId OUTPUT, @Arguments;
    EXECUTE internal.ReadModelNodes @FeatureSetId, @Pooling, @Classifier, @Library, @Details, @Width OUTPUT, @Trees OUTPUT,
        @Divisor OUTPUT, @Steepness OUTPUT, @Scores OUTPUT, @RunId, @Text;

    BEGIN TRY
        BEGIN TRANSACTION;
        EXECUTE internal.StoreNodes @Name, @Number, @Width, @Trees, @Divisor, @Steepness, @Scores, @Said OUTPUT, @Sha256;
        COMMIT TRANSACTION;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        SET @Said = ERROR_MESSAGE();
        EXECUTE internal.EndRun @RunId, 0, @Said;
        THROW;
    END CATCH;
    EXECUTE internal.ReportStep @RunId, @Said;
    EXECUTE internal.EndRun @RunId;
END;
