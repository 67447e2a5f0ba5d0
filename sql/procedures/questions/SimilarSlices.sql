-- SimilarSlices: the triples of slices of other patients' scans that are most like one of a scan.
-- Example: EXECUTE dbo.SimilarSlices @ScanId = 7, @SliceIndex = 40;
CREATE OR ALTER PROCEDURE dbo.SimilarSlices
    @ScanId INT = NULL,                         -- scan_id of the scan asked about; needed
    @SliceIndex INT = NULL,                     -- slice of it, from 0, whose triple is compared
    @Triple INT = NULL,                         -- or the triple, from 0
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers, whose features are meant
    @FeatureSetId INT = NULL,                   -- or a feature_set_id of dbo.feature_sets, whatever the model reads
    @Limit INT = 8,                             -- triples to return, 1 to 1000
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.SimilarSlices returns the triples of slices that are most like a triple of a scan, among those of the primary scans of
other patients, the most similar first. similarity is the cosine of the angle between the features that the model reads, before pooling,
each less its mean over the triples that are compared and divided by its standard deviation there, as SimilarPatients does with whole
scans. Fewer than ten triples are compared as stored. A triple has the features of its three slices together; first_slice is the first.
The features are read twice, 256 MB at a time.
Parameters:
    @ScanId INT = NULL                          scan_id of the scan asked about; needed
    @SliceIndex INT = NULL                      slice of it, from 0, whose triple is compared
    @Triple INT = NULL                          or the triple, from 0
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers, whose features are meant
    @FeatureSetId INT = NULL                    or a feature_set_id of dbo.feature_sets, whatever the model reads
    @Limit INT = 8                              triples to return, 1 to 1000
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.SimilarSlices @ScanId = 7, @SliceIndex = 40;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000) = N'', @Pooling NVARCHAR(32), @PatientId NVARCHAR(64), @Array VARBINARY(MAX), @Triples INT, @Bytes INT;
    CREATE TABLE #compared (
        place INT NOT NULL PRIMARY KEY, scan_id INT NULL, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, bytes BIGINT NOT NULL);
    CREATE TABLE #similar_rows (place INT NOT NULL, row_index INT NOT NULL, similarity FLOAT NOT NULL);
    IF @Limit IS NULL OR @Limit NOT BETWEEN 1 AND 1000
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Limit AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Limit is not supported. Supported values are 1 to 1000. ');
    IF @ScanId IS NULL
        SET @Message = CONCAT(@Message, N'The parameter @ScanId is NULL. Give a scan_id of dbo.scans. ');
    IF (@SliceIndex IS NULL AND @Triple IS NULL) OR (@SliceIndex IS NOT NULL AND @Triple IS NOT NULL)
        SET @Message = CONCAT(@Message, N'One of @SliceIndex and @Triple is needed, and ',
            IIF(@Triple IS NULL, N'both are NULL. ', N'both were given. '));
    IF @Message <> N''
        THROW 50101, @Message, 1;
    EXECUTE internal.FindScan NULL, @ScanId OUTPUT;
    SET @PatientId = (SELECT patient_id FROM dbo.scans WHERE scan_id = @ScanId);
    IF @FeatureSetId IS NULL
        EXECUTE internal.FindComparedFeatures @ModelName, @FeatureSetId OUTPUT, @Pooling OUTPUT;
    ELSE
        EXECUTE internal.FindSliceFeatures NULL, NULL, 0, @FeatureSetId OUTPUT;
    EXECUTE internal.NeedTriples @FeatureSetId;
    SELECT @Array = f.array, @Triples = f.array_rows, @Bytes = 4 * f.array_cols,
        @Message = IIF(f.sha256 = HASHBYTES('SHA2_256', f.array), N'', N'altered')
    FROM dbo.features AS f
    WHERE f.scan_id = @ScanId AND f.feature_set_id = @FeatureSetId;
    IF COALESCE(@Triples, 0) = 0
    BEGIN
        SET @Message = CONCAT(N'The scan ', @ScanId, N' has no array of the feature set ', @FeatureSetId,
            N'. Call GenerateFeatures for its network and layer, or give another @FeatureSetId.');
        THROW 50109, @Message, 1;
    END;
    IF @Message <> N'' OR DATALENGTH(@Array) <> @Triples * @Bytes
    BEGIN
        SET @Message = CONCAT(N'The features of the scan ', @ScanId,
            N' are not what was stored: their SHA-256 is another one. Call GenerateFeatures with @Recompute = 1.');
        THROW 50105, @Message, 1;
    END;
    SET @Triple = COALESCE(@Triple, IIF(@SliceIndex < 0, -1, @SliceIndex / 3));
    IF @Triple NOT BETWEEN 0 AND @Triples - 1
        OR @SliceIndex >= (SELECT number_images FROM dbo.scans WHERE scan_id = @ScanId)
    BEGIN
        SET @Message = CONCAT(N'The scan ', @ScanId, N' has features of the triples 0 to ', @Triples - 1, N', and ',
            IIF(@SliceIndex IS NULL, CONCAT(N'the triple ', @Triple), CONCAT(N'the slice ', @SliceIndex)),
            N' is none of theirs. Give one that is there.');
        THROW 50210, @Message, 1;
    END;
    SET @Array = SUBSTRING(@Array, 1 + @Triple * @Bytes, @Bytes);

    INSERT INTO #compared (place, scan_id, bytes)
    SELECT f.scan_id, f.scan_id, DATALENGTH(f.array)
    FROM dbo.features AS f
    INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id
    WHERE f.feature_set_id = @FeatureSetId AND f.array_rows > 0 AND s.is_primary = 1 AND s.patient_id <> @PatientId;
    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(N'{}', N'$.feature_set_id', @FeatureSetId), N'$.limit', @Limit),
        @Scans INT = (SELECT COUNT(*) FROM #compared);
    EXECUTE internal.StartRun N'SimilarSlices', @RunId OUTPUT, @Arguments;
    EXECUTE internal.FindSimilarRows @FeatureSetId, @Array, @Limit, @RunId;
    EXECUTE internal.EndRun @RunId, @Scans = @Scans;
    EXECUTE internal.ShowSimilarSlices;
END;
