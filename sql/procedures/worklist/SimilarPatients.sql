-- SimilarPatients: the other patients whose primary scans are most like a scan of a patient, by the features that a model reads.
-- Example: EXECUTE dbo.SimilarPatients @PatientIndex = 0;
CREATE OR ALTER PROCEDURE dbo.SimilarPatients
    @PatientIndex INT = NULL,                   -- idx of the patient, 0 and up; needed
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers; its version served is meant
    @Limit INT = 8,                             -- patients to return, 1 to 1000
    @ScanId INT = NULL,                         -- scan_id of a scan of the patient in place of the primary one; NULL means that
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.SimilarPatients returns the patients whose primary scans are most like a scan of a patient, the most similar first.
similarity is the cosine of the angle between the pooled vectors that the model reads, each feature less its mean over the scans that are
compared and divided by its standard deviation there: 1 is the same direction, 0 no more like it than any, -1 the opposite. As stored,
vectors of all scans point nearly the same way, which tells nothing. Of fewer than ten scans no such mean is taken, and the vectors are
compared as stored. What is similar need not have the same cause: it is what the network sees.
Of a model on combined features the first part that is of pixels is compared.
Scans without such a vector, or with one that is all zero, are left out. The first call prepares the vectors and takes longer.
Parameters:
    @PatientIndex INT = NULL                    idx of the patient, 0 and up; needed
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers; its version served is meant
    @Limit INT = 8                              patients to return, 1 to 1000
    @ScanId INT = NULL                          scan_id of a scan of the patient in place of the primary one; NULL means that
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.SimilarPatients @PatientIndex = 0;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @FeatureSetId INT, @Pooling NVARCHAR(32), @Array VARBINARY(MAX), @Done BIT = 0;
    DECLARE @Network NVARCHAR(128), @Layer NVARCHAR(256), @Preprocessing NVARCHAR(32), @PatientId NVARCHAR(64);
    CREATE TABLE #vectors (scan_id INT NOT NULL PRIMARY KEY, vector_sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #similar (scan_id INT NULL, similarity FLOAT NULL);
    CREATE TABLE #read (scan_id INT NOT NULL PRIMARY KEY);
    IF @Limit IS NULL OR @Limit NOT BETWEEN 1 AND 1000
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Limit AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Limit is not supported. Supported values are 1 to 1000.');
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.FindScan @PatientIndex, @ScanId OUTPUT;
    SET @PatientId = (SELECT patient_id FROM dbo.scans WHERE scan_id = @ScanId);
    EXECUTE internal.FindComparedFeatures @ModelName, @FeatureSetId OUTPUT, @Pooling OUTPUT;
    SELECT @Network = n.name, @Layer = fs.layer, @Preprocessing = fs.preprocessing
    FROM dbo.feature_sets AS fs
    INNER JOIN dbo.networks AS n ON n.network_id = fs.network_id
    WHERE fs.feature_set_id = @FeatureSetId;
    INSERT INTO #vectors (scan_id, vector_sha256)
    SELECT f.scan_id, COALESCE(f.vector_sha256, 0x)
    FROM dbo.pooled_features AS f
    INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id
    WHERE (s.is_primary = 1 OR s.scan_id = @ScanId) AND f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling;
    IF NOT EXISTS (SELECT 1 FROM #vectors WHERE scan_id = @ScanId)
    BEGIN
        SET @Message = CONCAT(N'The scan ', @ScanId, N' of the patient with index ', @PatientIndex, N' has no features that the model ''',
            @ModelName, N''' can read. Call EXECUTE dbo.GenerateFeatures @ModelName = N''', @Network, N''', @Layer = N''', @Layer,
            N''', @Preprocessing = N''', @Preprocessing, N''', @Pooling = N''', @Pooling, N''';');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50109, @Message, 1;
    END;

    INSERT INTO #read (scan_id)
    SELECT scan_id FROM #vectors;
    EXECUTE internal.CheckVectors @FeatureSetId, @Pooling, 0;
    EXECUTE internal.RefreshBinaryVectors @FeatureSetId, @Pooling;
    SET @Array = (SELECT array FROM dbo.binary_vectors WHERE scan_id = @ScanId AND feature_set_id = @FeatureSetId AND pooling = @Pooling);
    IF COALESCE(DATALENGTH(@Array), 0) = 0
    BEGIN
        SET @Message = CONCAT(N'The features of the patient with index ', @PatientIndex,
            N' are all zero or cannot be read, so nothing is like them. Call GenerateFeatures with @Recompute = 1.');
        THROW 50200, @Message, 1;
    END;
    IF EXISTS (SELECT 1 FROM dbo.scans WHERE scan_id = @ScanId AND is_primary = 1)
        EXECUTE internal.CompareStandardVectors @FeatureSetId, @Pooling, @ScanId, @PatientId, @Limit, @Done OUTPUT;
    IF @Done = 0
        EXECUTE internal.CompareVectors @FeatureSetId, @Pooling, @Array, @PatientId, @Limit;

    SELECT p.idx AS patient_index, p.display_name, s.study_date, t.similarity, 100 * r.probability AS probability_percent,
        CASE x.state WHEN 0 THEN N'no features' WHEN 1 THEN N'not scored' WHEN 2 THEN N'scored' ELSE N'failed' END AS state
    FROM #similar AS t
    INNER JOIN dbo.scans AS s ON s.scan_id = t.scan_id
    INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
    INNER JOIN dbo.scan_states AS x ON x.scan_id = s.scan_id
    LEFT JOIN dbo.predictions AS r ON r.prediction_id = x.prediction_id
    ORDER BY t.similarity DESC, p.idx;
END;
