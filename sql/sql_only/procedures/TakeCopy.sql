-- TakeCopy: takes in the model, and the features of patients, that a script of `lungdb copy` has put into temporary tables.
-- Example: EXECUTE dbo.TakeCopy @Rows = 1234;
CREATE OR ALTER PROCEDURE dbo.TakeCopy
    @Rows INT = NULL, -- number of rows that the script has put into all of them; needed
    @Help BIT = 0     -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.TakeCopy is the last step of the script that the command lungdb copy makes: it takes in the model, and the features
of patients, that the script has put into #copy_model, #copy_nodes, #copy_coefficients, #copy_calibration and #copy_scans.
The scores of these patients come along, and must be the same here. All of it is stored, or nothing. A model that is there already stays; patients are found by their id, scans by their series.
The network that made the features comes without its bytes, and so do the slices: they are not needed to score.
Parameters:
    @Rows INT = NULL  number of rows that the script has put into all of them; needed
    @Help BIT = 0     1 prints this help and does nothing else
Example:
    EXECUTE dbo.TakeCopy @Rows = 1234;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Arrived INT, @NetworkId INT, @FeatureSetId INT, @ClassifierId INT;
    DECLARE @ModelName NVARCHAR(128), @Version INT, @Patients INT;
    SET @Arrived = (SELECT COUNT(*) FROM #copy_model) + (SELECT COUNT(*) FROM #copy_nodes) + (SELECT COUNT(*) FROM #copy_coefficients)
        + (SELECT COUNT(*) FROM #copy_calibration) + (SELECT COUNT(*) FROM #copy_scans);
    IF @Rows IS NULL OR @Arrived <> @Rows
    BEGIN
        SET @Message = CONCAT(@Arrived, N' rows of ', COALESCE(CAST(@Rows AS NVARCHAR(12)), N'an unknown number'),
            N' arrived. See the first error of the script, and run it again as a whole on one connection.');
        THROW 50155, @Message, 1;
    END;
    SELECT @ModelName = name, @Version = version FROM #copy_model;
    IF EXISTS (
        SELECT 1 FROM #copy_model AS m INNER JOIN dbo.classifiers AS c ON c.name = m.name AND c.version = m.version WHERE c.sha256 <> m.sha256)
    BEGIN
        SET @Message = CONCAT(N'Another model is stored here as ''', @ModelName, N''' version ', @Version,
            N'. Delete it with DeleteModel, or train the model to copy under another name.');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50155, @Message, 1;
    END;

    BEGIN TRANSACTION;
    SET @NetworkId = (SELECT MIN(n.network_id) FROM #copy_model AS m INNER JOIN dbo.networks AS n WITH (UPDLOCK, HOLDLOCK) ON n.sha256 = m.network_sha256);
    IF @NetworkId IS NULL
    BEGIN
        INSERT INTO dbo.networks (name, version, library, model, sha256, details)
        SELECT m.network_name, (SELECT COALESCE(MAX(n.version), 0) + 1 FROM dbo.networks AS n WHERE n.name = m.network_name), m.network_library, 0x,
            m.network_sha256, m.network_details
        FROM #copy_model AS m;
        SET @NetworkId = SCOPE_IDENTITY();
    END;
    SET @FeatureSetId = (
        SELECT fs.feature_set_id FROM #copy_model AS m INNER JOIN dbo.feature_sets AS fs ON fs.layer = m.layer AND fs.preprocessing = m.preprocessing
        WHERE fs.network_id = @NetworkId);
    IF @FeatureSetId IS NULL
    BEGIN
        INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width)
        SELECT @NetworkId, layer, preprocessing, feature_set_width FROM #copy_model;
        SET @FeatureSetId = SCOPE_IDENTITY();
    END;
    SET @ClassifierId = (SELECT classifier_id FROM dbo.classifiers WHERE name = @ModelName AND version = @Version);
    IF @ClassifierId IS NULL
    BEGIN
        INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details, created_at)
        SELECT name, version, library, @FeatureSetId, pooling, model, sha256, details, created_at FROM #copy_model;
        SET @ClassifierId = SCOPE_IDENTITY();
    END;

    EXECUTE dbo.DeleteModelNodes @ClassifierId;
    INSERT INTO dbo.model_scoring (classifier_id, width, trees, divisor, steepness, intercept, prevalence)
    SELECT @ClassifierId, width, trees, divisor, steepness, intercept, prevalence FROM #copy_model;
    INSERT INTO dbo.model_nodes (classifier_id, tree, node, feature_index, threshold, missing, default_left, left_node, right_node, leaf_value)
    SELECT @ClassifierId, tree, node, feature_index, threshold, missing, default_left, left_node, right_node, leaf_value FROM #copy_nodes;
    INSERT INTO dbo.model_coefficients (classifier_id, feature_index, mean, scale, coefficient)
    SELECT @ClassifierId, feature_index, mean, scale, coefficient FROM #copy_coefficients;
    INSERT INTO dbo.model_calibration (classifier_id, position, method, x, y)
    SELECT @ClassifierId, position, method, x, y FROM #copy_calibration;
    INSERT INTO dbo.model_checks (classifier_id, patients, max_difference, checked_at)
    SELECT @ClassifierId, patients, max_difference, checked_at FROM #copy_model;
    EXECUTE dbo.TakeCopiedScans @ClassifierId, @FeatureSetId;
    COMMIT TRANSACTION;

    SET @Patients = (SELECT COUNT(*) FROM #copy_scans);
    RAISERROR(N'%s version %d is here, with the features of %d patients.', 0, 1, @ModelName, @Version, @Patients) WITH NOWAIT;
END;
