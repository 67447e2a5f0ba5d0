-- SimilarPatients: the other patients whose primary scans are most like a patient's, by the features that a model reads.
-- Example: EXECUTE dbo.SimilarPatients @PatientIndex = 0;
CREATE OR ALTER PROCEDURE dbo.SimilarPatients
    @PatientIndex INT = NULL,                   -- idx of the patient, 0 and up; needed
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers; its version served is meant
    @Limit INT = 8,                             -- patients to return, 1 to 1000
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.SimilarPatients returns the patients whose primary scans are most like that of a patient, the most similar first.
similarity is the cosine of the angle between the two pooled vectors that the model reads: 1 is the same direction, -1 the opposite.
Of a model on combined features the first part that is of pixels is compared.
Scans without such a vector, or with one that is all zero, are left out. The first call prepares the vectors and takes longer.
Parameters:
    @PatientIndex INT = NULL                    idx of the patient, 0 and up; needed
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers; its version served is meant
    @Limit INT = 8                              patients to return, 1 to 1000
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.SimilarPatients @PatientIndex = 0;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ScanId INT, @ClassifierId INT, @FeatureSetId INT, @Pooling NVARCHAR(32), @Unit VARBINARY(MAX),
        @Bytes INT;
    DECLARE @Network NVARCHAR(128), @Layer NVARCHAR(256), @Preprocessing NVARCHAR(32), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    DECLARE @Language NVARCHAR(128);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #vectors (scan_id INT NOT NULL PRIMARY KEY, vector_sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #others (scan_id INT NOT NULL PRIMARY KEY, unit VARBINARY(MAX) NOT NULL);
    CREATE TABLE #similar (scan_id INT NULL, similarity FLOAT NULL);
    CREATE TABLE #read (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    IF @Limit IS NULL OR @Limit NOT BETWEEN 1 AND 1000
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Limit AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Limit is not supported. Supported values are 1 to 1000.');
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.FindScan @PatientIndex, @ScanId OUTPUT;
    EXECUTE internal.FindClassifier @ModelName, NULL, @ClassifierId OUTPUT;
    SELECT @FeatureSetId = feature_set_id, @Pooling = pooling FROM dbo.classifiers WHERE classifier_id = @ClassifierId;
    -- Columns and layers have scales of their own, so an angle means something within one part only.
    IF EXISTS (SELECT 1 FROM dbo.feature_parts WHERE feature_set_id = @FeatureSetId)
        SELECT @Pooling = MAX(p.pooling), @FeatureSetId = MAX(p.part_feature_set_id)
        FROM dbo.feature_parts AS p
        WHERE p.feature_set_id = @FeatureSetId AND p.position = (
            SELECT MIN(f.position) FROM dbo.feature_parts AS f
            WHERE f.feature_set_id = @FeatureSetId AND f.part_feature_set_id IS NOT NULL);
    IF @FeatureSetId IS NULL
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The model ''', @ModelName, N''' reads columns only, so that no scans are alike by its features. ',
            N'Give the name of a model that reads features of the pixels.'), N'%', N'%%');
        THROW 50200, @Message, 1;
    END;
    SELECT @Network = n.name, @Layer = fs.layer, @Preprocessing = fs.preprocessing
    FROM dbo.feature_sets AS fs
    INNER JOIN dbo.networks AS n ON n.network_id = fs.network_id
    WHERE fs.feature_set_id = @FeatureSetId;
    INSERT INTO #vectors (scan_id, vector_sha256)
    SELECT f.scan_id, COALESCE(f.vector_sha256, 0x)
    FROM dbo.pooled_features AS f
    INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id
    WHERE s.is_primary = 1 AND f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling;
    IF NOT EXISTS (SELECT 1 FROM #vectors WHERE scan_id = @ScanId)
    BEGIN
        SET @Message = CONCAT(N'The primary scan of the patient with index ', @PatientIndex, N' has no features that the model ''',
            @ModelName, N''' can read. Call EXECUTE dbo.GenerateFeatures @ModelName = N''', @Network, N''', @Layer = N''', @Layer,
            N''', @Preprocessing = N''', @Preprocessing, N''', @Pooling = N''', @Pooling, N''';');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50109, @Message, 1;
    END;

    INSERT INTO #read (scan_id)
    SELECT scan_id FROM #vectors;
    EXECUTE internal.CheckVectors @FeatureSetId, @Pooling, 0;
    EXECUTE internal.RefreshUnitVectors @FeatureSetId, @Pooling;
    SET @Unit = (SELECT unit FROM dbo.unit_vectors WHERE scan_id = @ScanId AND feature_set_id = @FeatureSetId AND pooling = @Pooling);
    SET @Bytes = COALESCE(DATALENGTH(@Unit), 0);
    IF @Bytes = 0
    BEGIN
        SET @Message = CONCAT(N'The features of the patient with index ', @PatientIndex,
            N' are all zero or cannot be read, so nothing is like them. Call GenerateFeatures with @Recompute = 1.');
        THROW 50200, @Message, 1;
    END;

    -- The query of an external script runs with the caller's rights, and nobody needs rights on tables to call this.
    INSERT INTO #others (scan_id, unit)
    SELECT u.scan_id, u.unit
    FROM #vectors AS v
    INNER JOIN dbo.unit_vectors AS u ON u.scan_id = v.scan_id
    WHERE u.feature_set_id = @FeatureSetId AND u.pooling = @Pooling AND u.scan_id <> @ScanId AND DATALENGTH(u.unit) = @Bytes;
    -- Hexadecimal takes two characters a byte.
    SET @Message = (
        SELECT CONCAT(N'The unit vectors of ', COUNT(*), N' scans are more than the 1 GB that a script takes. ',
            N'Choose a model on features of a layer with fewer numbers.')
        FROM #others
        HAVING 2 * SUM(CAST(DATALENGTH(unit) AS BIGINT)) > 1073741824);
    IF @Message IS NOT NULL
        THROW 50231, @Message, 1;
    INSERT INTO #similar (scan_id, similarity)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(others, unit, limit):
    from lungdb.procedures import similar_patients
    return similar_patients(others, unit, limit)

OutputDataSet, ErrorNumber, ErrorMessage = main(InputDataSet, Unit, Limit)
',
        @input_data_1 = N'SELECT scan_id, CONVERT(VARCHAR(MAX), unit, 2) AS unit FROM #others ORDER BY scan_id;',
        @params = N'@Unit VARBINARY(MAX), @Limit INT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @Unit = @Unit, @Limit = @Limit,
        @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    -- As many as were asked for or are there, each of those sent and once.
    INSERT INTO #came (place, part)
    SELECT scan_id, CASE WHEN similarity BETWEEN -1 AND 1 THEN 1 ELSE 0 END FROM #similar;
    INSERT INTO #sent (place, part)
    SELECT TOP (@Limit) scan_id, 1
    FROM #others
    ORDER BY CASE WHEN scan_id IN (SELECT place FROM #came) THEN 0 ELSE 1 END, scan_id;
    EXECUTE internal.CheckRows N'scan_ids';

    SELECT p.idx AS patient_index, p.display_name, s.study_date, t.similarity, 100 * r.probability AS probability_percent,
        CASE x.state WHEN 0 THEN N'no features' WHEN 1 THEN N'not scored' WHEN 2 THEN N'scored' ELSE N'failed' END AS state
    FROM #similar AS t
    INNER JOIN dbo.scans AS s ON s.scan_id = t.scan_id
    INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
    INNER JOIN dbo.scan_states AS x ON x.scan_id = s.scan_id
    LEFT JOIN dbo.predictions AS r ON r.prediction_id = x.prediction_id
    ORDER BY t.similarity DESC, p.idx;
END;
