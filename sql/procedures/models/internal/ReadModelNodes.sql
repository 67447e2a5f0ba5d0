-- ReadModelNodes: reads a model as rows in Python, and the scores that it gives there to the scans with features.
-- Called by StoreModelNodes, TrainModel and CreateEnsemble, whose table #given it fills, outside of a transaction.
CREATE OR ALTER PROCEDURE internal.ReadModelNodes
    @FeatureSetId INT,            -- feature set that the model reads
    @Pooling NVARCHAR(32),        -- pooling that it reads
    @Classifier VARBINARY(MAX),   -- the model
    @Library NVARCHAR(32),        -- lightgbm, logistic, network or ensemble
    @Details NVARCHAR(MAX),       -- what it was trained with and how it is calibrated, JSON
    @Width INT OUTPUT,            -- number of features of a vector
    @Trees INT OUTPUT,            -- number of trees, 0 for what has none
    @Divisor FLOAT OUTPUT,        -- as of dbo.model_scoring
    @Steepness FLOAT OUTPUT,      -- as of dbo.model_scoring
    @Scores NVARCHAR(MAX) OUTPUT, -- JSON array of [scan_id, raw, probability]
    @RunId INT = NULL,            -- row of dbo.runs
    @Sha256 VARCHAR(64) = NULL    -- the model's SHA-256 as it is stored, in hexadecimal; NULL for one that is not stored yet
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    DECLARE @Language NVARCHAR(128);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    SET @Sha256 = COALESCE(@Sha256, CONVERT(VARCHAR(64), HASHBYTES('SHA2_256', @Classifier), 2));
    CREATE TABLE #read (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #combine (scan_id INT NOT NULL PRIMARY KEY);
    INSERT INTO #combine (scan_id)
    SELECT scan_id FROM dbo.pooled_features WHERE feature_set_id = @FeatureSetId AND pooling = @Pooling;
    BEGIN TRY
        EXECUTE internal.FillCombinedFeatures @FeatureSetId;
        INSERT INTO #read (scan_id)
        SELECT scan_id FROM dbo.pooled_features WHERE feature_set_id = @FeatureSetId AND pooling = @Pooling;
        EXECUTE internal.CheckVectors @FeatureSetId, @Pooling;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        SET @Message = ERROR_MESSAGE();
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW;
    END CATCH;

    INSERT INTO #given (tree, node, feature_index, threshold, missing, default_left, left_node, right_node, leaf_value)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(patients, model, sha256, library, details):
    from lungdb.procedures import model_nodes
    return model_nodes(patients, model, sha256, library, details)

OutputDataSet, Scores, Width, Trees, Divisor, Steepness, ErrorNumber, ErrorMessage = main(
    InputDataSet, Classifier, Sha256, Library, Details)
',
        @input_data_1 = N'
SELECT f.scan_id, f.vector
FROM #read AS r
INNER JOIN dbo.pooled_features AS f ON f.scan_id = r.scan_id
WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
ORDER BY f.scan_id;',
        @params = N'@FeatureSetId INT, @Pooling NVARCHAR(32), @Classifier VARBINARY(MAX), @Sha256 VARCHAR(64), @Library NVARCHAR(32),
            @Details NVARCHAR(MAX), @Scores NVARCHAR(MAX) OUTPUT, @Width INT OUTPUT, @Trees INT OUTPUT, @Divisor FLOAT OUTPUT,
            @Steepness FLOAT OUTPUT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @FeatureSetId = @FeatureSetId, @Pooling = @Pooling, @Classifier = @Classifier, @Sha256 = @Sha256, @Library = @Library,
        @Details = @Details, @Scores = @Scores OUTPUT, @Width = @Width OUTPUT, @Trees = @Trees OUTPUT, @Divisor = @Divisor OUTPUT,
        @Steepness = @Steepness OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    -- A tree with n splits has n + 1 leaves, and its nodes are numbered from 0 without a gap.
    IF (SELECT COUNT(DISTINCT tree) FROM #given) <> @Trees OR EXISTS (
        SELECT 1
        FROM #given
        GROUP BY tree
        HAVING COUNT(*) <> 2 * SUM(CASE WHEN missing IS NOT NULL THEN 1 ELSE 0 END) + 1 OR COUNT(DISTINCT node) <> COUNT(*)
            OR MIN(node) <> 0 OR MAX(node) <> COUNT(*) - 1 OR COALESCE(MIN(tree), -1) NOT BETWEEN 0 AND @Trees - 1)
    BEGIN
        SET @Message = CONCAT(N'The script gave back the nodes of ', (SELECT COUNT(DISTINCT tree) FROM #given), N' trees, of ', @Trees,
            N', or not all nodes of a tree. Nothing of this call is stored. Call it again; if it happens again, the language of the ',
            N'external scripts damages results: see EXECUTE dbo.Doctor;');
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW 50230, @Message, 1;
    END;
END;
