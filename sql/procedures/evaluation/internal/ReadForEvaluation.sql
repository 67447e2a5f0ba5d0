-- ReadForEvaluation: makes sure that the scans in #evaluated have the features that a model reads, and notes their SHA-256.
-- Called by EvaluateModel, whose table #evaluated it fills.
CREATE OR ALTER PROCEDURE internal.ReadForEvaluation
    @ClassifierId INT,      -- the model
    @SkipMissing BIT,       -- 1 leaves out scans without features
    @LeftOut INT OUTPUT     -- scans left out are added to it
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @FeatureSetId INT, @Pooling NVARCHAR(32), @Missing INT, @Made NVARCHAR(800);
    CREATE TABLE #combine (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #read (scan_id INT NOT NULL PRIMARY KEY);
    SELECT @FeatureSetId = feature_set_id, @Pooling = pooling FROM dbo.classifiers WHERE classifier_id = @ClassifierId;
    INSERT INTO #combine (scan_id)
    SELECT scan_id FROM #evaluated;
    EXECUTE internal.FillCombinedFeatures @FeatureSetId;

    UPDATE e
    SET e.vector_sha256 = COALESCE(f.vector_sha256, 0x)
    FROM #evaluated AS e
    INNER JOIN dbo.pooled_features AS f ON f.scan_id = e.scan_id
    WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling;
    SET @Missing = (SELECT COUNT(*) FROM #evaluated WHERE vector_sha256 IS NULL);
    IF @Missing > 0 AND (@SkipMissing = 0 OR NOT EXISTS (SELECT 1 FROM #evaluated WHERE vector_sha256 IS NOT NULL AND label IS NOT NULL))
    BEGIN
        SET @Made = (
            SELECT CONCAT(N': EXECUTE dbo.GenerateFeatures @ModelName = N''', n.name, N''', @Layer = N''', fs.layer,
                N''', @Preprocessing = N''', fs.preprocessing, N''', @Pooling = N''', @Pooling, N''';')
            FROM dbo.feature_sets AS fs
            INNER JOIN dbo.networks AS n ON n.network_id = fs.network_id
            WHERE fs.feature_set_id = @FeatureSetId);
        SET @Message = REPLACE(CONCAT(@Missing, N' of ', (SELECT COUNT(*) FROM #evaluated),
            N' scans of the data set have no features that the model can read. Call GenerateFeatures for them',
            COALESCE(@Made, N', for each part of the combined features.'),
            N' Or leave them out with @SkipMissing = 1, if others with labels have features.'), N'%', N'%%');
        THROW 50140, @Message, 1;
    END;
    DELETE FROM #evaluated WHERE vector_sha256 IS NULL;
    SET @LeftOut = @LeftOut + @Missing;

    INSERT INTO #read (scan_id)
    SELECT scan_id FROM #evaluated;
    EXECUTE internal.CheckVectors @FeatureSetId, @Pooling;
END;
