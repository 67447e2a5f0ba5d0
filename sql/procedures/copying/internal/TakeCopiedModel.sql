-- TakeCopiedModel: stores the model in #copy_model and the tables beside it, with the features of patients in #copy_scans, unless another
-- model has its name and version; inside the caller's transaction. Called by TakeCopy, whose script's tables it reads.
CREATE OR ALTER PROCEDURE internal.TakeCopiedModel
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @FeatureSetId INT, @ClassifierId INT, @ModelName NVARCHAR(128), @Version INT,
        @Digest VARBINARY(32), @Task VARCHAR(14), @Locked INT;
    SELECT @ModelName = name, @Version = version, @Task = task FROM #copy_model;
    -- Patients, then the worklist, then the model, as those lock who store scores: they wait for each other here, not crosswise.
    SET @Locked = (SELECT COUNT(*) FROM dbo.patients WITH (UPDLOCK, HOLDLOCK));
    SET @Locked = (
        SELECT COUNT(*) FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK)
        WHERE patient_id IN (SELECT patient_id FROM #copy_scans));
    IF EXISTS (
        SELECT 1
        FROM #copy_model AS m
        INNER JOIN dbo.classifiers AS c ON c.name = m.name AND c.version = m.version
        WHERE c.sha256 <> m.sha256)
    BEGIN
        SET @Message = CONCAT(N'Another model is stored here as ''', @ModelName, N''' version ', @Version,
            N'. Delete it with DeleteModel, or train the model to copy under another name.');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50155, @Message, 1;
    END;

    EXECUTE internal.TakeCopiedFeatures @FeatureSetId OUTPUT;
    SET @ClassifierId = (SELECT classifier_id FROM dbo.classifiers WHERE name = @ModelName AND version = @Version);
    IF @ClassifierId IS NULL
    BEGIN
        EXECUTE internal.CheckTask @ModelName, @Task;
        INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details, task, created_at)
        SELECT name, version, library, @FeatureSetId, pooling, model, sha256, details, task, created_at FROM #copy_model;
        SET @ClassifierId = SCOPE_IDENTITY();
        EXECUTE internal.KeepChampion @ClassifierId;
    END;

    EXECUTE internal.TakeCopiedMembers @ClassifierId;
    IF NOT EXISTS (SELECT 1 FROM dbo.model_scope WHERE classifier_id = @ClassifierId)
    BEGIN
        INSERT INTO dbo.model_scope (classifier_id, item, position, low, high, text, scans)
        SELECT @ClassifierId, item, position, low, high, text, scans FROM #copy_scope;
        INSERT INTO dbo.model_scope_features (classifier_id, feature_index, mean, sd)
        SELECT @ClassifierId, feature_index, mean, sd FROM #copy_scope_features;
    END;

    EXECUTE internal.DeleteModelNodes @ClassifierId;
    INSERT INTO dbo.model_scoring (classifier_id, width, trees, divisor, steepness, intercept, prevalence)
    SELECT @ClassifierId, width, trees, divisor, steepness, intercept, prevalence FROM #copy_model;
    INSERT INTO dbo.model_nodes (classifier_id, tree, node, feature_index, threshold, missing, default_left, left_node, right_node,
        leaf_value)
    SELECT @ClassifierId, tree, node, feature_index, threshold, missing, default_left, left_node, right_node, leaf_value FROM #copy_nodes;
    INSERT INTO dbo.model_coefficients (classifier_id, feature_index, mean, scale, coefficient)
    SELECT @ClassifierId, feature_index, mean, scale, coefficient FROM #copy_coefficients;
    INSERT INTO dbo.model_calibration (classifier_id, position, method, x, y)
    SELECT @ClassifierId, position, method, x, y FROM #copy_calibration;
    EXECUTE internal.StoreModelTensors @ClassifierId;
    EXECUTE internal.DigestModelRows @ClassifierId, @Digest OUTPUT;
    IF EXISTS (SELECT 1 FROM #copy_model WHERE rows_sha256 <> @Digest)
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The rows of the model ''', @ModelName, N''' version ', @Version,
            N' are not those that were sent: their SHA-256 is another one. Make the copy again.'), N'%', N'%%');
        THROW 50155, @Message, 1;
    END;
    UPDATE dbo.model_scoring SET rows_sha256 = @Digest WHERE classifier_id = @ClassifierId;
    INSERT INTO dbo.model_checks (classifier_id, patients, max_difference, checked_at)
    SELECT @ClassifierId, patients, max_difference, checked_at FROM #copy_model;
    EXECUTE internal.TakeCopiedScans @ClassifierId, @FeatureSetId;
END;
