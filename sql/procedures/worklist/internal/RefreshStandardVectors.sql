-- RefreshStandardVectors: makes the standardised vectors of #space unless those that are stored are of just these scans and vectors.
-- Called by CompareStandardVectors, whose table #space it reads.
CREATE OR ALTER PROCEDURE internal.RefreshStandardVectors
    @FeatureSetId INT,      -- feature set of the vectors
    @Pooling NVARCHAR(32),  -- their pooling
    @Sha256 VARBINARY(32) OUTPUT    -- space_sha256 of the vectors of #space; rows of any other are of other scans or vectors
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Language NVARCHAR(128), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Locked INT;
    CREATE TABLE #units (scan_id INT NULL, vector NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL);
    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    SET @Sha256 = HASHBYTES('SHA2_256', (
        SELECT STRING_AGG(CAST(CONCAT(scan_id, N' ', CONVERT(VARCHAR(64), array_sha256, 2)) AS NVARCHAR(MAX)), N',')
            WITHIN GROUP (ORDER BY scan_id)
        FROM #space));
    IF (SELECT COUNT(*) FROM #space) = (
            SELECT COUNT(*) FROM dbo.standard_vectors
            WHERE feature_set_id = @FeatureSetId AND pooling = @Pooling AND space_sha256 = @Sha256)
        RETURN 0;
    EXECUTE internal.ReadSettings @Language OUTPUT;
    INSERT INTO #units (scan_id, vector)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(vectors):
    from lungdb.procedures import standard_vectors
    return standard_vectors(vectors)

OutputDataSet, ErrorNumber, ErrorMessage = main(InputDataSet)
',
        @input_data_1 = N'SELECT scan_id, CONVERT(VARCHAR(MAX), array, 2) AS array FROM #space ORDER BY scan_id;',
        @params = N'@ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;
    INSERT INTO #sent (place, part)
    SELECT scan_id, 1 FROM #space;
    INSERT INTO #came (place, part)
    SELECT scan_id, 1 FROM #units;
    EXECUTE internal.CheckRows N'scan_ids';

    BEGIN TRANSACTION;
    -- First the vectors, then what is made of them, as in RefreshBinaryVectors. Whoever standardises the same scans waits here, so that
    -- the rows of one space are never mixed with those of another.
    SET @Locked = (
        SELECT COUNT(*) FROM dbo.pooled_features WITH (UPDLOCK, HOLDLOCK)
        WHERE feature_set_id = @FeatureSetId AND pooling = @Pooling AND scan_id IN (SELECT scan_id FROM #space));
    SET @Locked = (
        SELECT COUNT(*) FROM dbo.binary_vectors WITH (UPDLOCK, HOLDLOCK)
        WHERE feature_set_id = @FeatureSetId AND pooling = @Pooling AND scan_id IN (SELECT scan_id FROM #space));
    DELETE FROM dbo.standard_vectors WHERE feature_set_id = @FeatureSetId AND pooling = @Pooling;
    -- Not every runtime tells an empty text from NULL.
    INSERT INTO dbo.standard_vectors (scan_id, feature_set_id, pooling, space_sha256, vector)
    SELECT t.scan_id, @FeatureSetId, @Pooling, @Sha256, COALESCE(t.vector, N'')
    FROM #units AS t
    INNER JOIN dbo.binary_vectors AS u ON u.scan_id = t.scan_id AND u.feature_set_id = @FeatureSetId AND u.pooling = @Pooling;
    COMMIT TRANSACTION;
END;
