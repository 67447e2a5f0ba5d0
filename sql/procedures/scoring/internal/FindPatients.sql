-- FindPatients: fills #wanted with the scans asked for that the model can read; refuses to leave others out unasked. With @Only = N'new'
-- it leaves those out that the model has scored by the vector that is stored, and may fill in nothing.
-- Called by PredictPatients, PredictPatientsSql and PredictLungCancerSql, whose table #wanted it fills.
CREATE OR ALTER PROCEDURE internal.FindPatients
    @Patients NVARCHAR(MAX),  -- indices of patients with commas between, or NULL for all that have a scan
    @FeatureSetId INT,        -- feature set that the model reads
    @Pooling NVARCHAR(32),    -- pooling that the model reads
    @SkipMissing BIT,         -- 1 leaves out patients without features
    @AreSent BIT = 0,         -- 1 when their vectors go to a script
    @RefuseAltered BIT = 1,   -- 0 takes vectors that are not what was stored too, with an empty hash
    @ClassifierId INT = NULL, -- model, for @Only = N'new'
    @Only NVARCHAR(16) = NULL, -- primary, newest, all or new, as AskScans takes it
    @Dataset NVARCHAR(128) = NULL, -- data set of scans, or NULL for any scan
    @DatasetVersion INT = NULL, -- its version, or NULL for the newest
    @ScanId INT = NULL        -- this scan and no other, or NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Number INT = 0, @Some NVARCHAR(800), @Missing INT;
    DECLARE @What NVARCHAR(8) = IIF(@Only IS NULL AND @Dataset IS NULL AND @ScanId IS NULL, N'patients', N'scans');
    CREATE TABLE #asked (given NVARCHAR(400) COLLATE DATABASE_DEFAULT NULL, idx INT NULL, scan_id INT NULL);
    CREATE TABLE #read (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #combine (scan_id INT NOT NULL PRIMARY KEY);
    IF @SkipMissing IS NULL
    BEGIN
        SET @Message = N'The value NULL for the parameter @SkipMissing is not supported. Supported values are 0 and 1.';
        THROW 50101, @Message, 1;
    END;

    IF @ScanId IS NULL
        EXECUTE internal.AskScans @Patients, @Only, @Dataset, @DatasetVersion;
    ELSE
        INSERT INTO #asked (idx, scan_id)
        SELECT p.idx, s.scan_id
        FROM dbo.scans AS s
        INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
        WHERE s.scan_id = @ScanId;

    IF EXISTS (SELECT 1 FROM #asked WHERE idx IS NULL)
    BEGIN
        SET @Number = 50101;
        SET @Message = CONCAT(N'The parameter @Patients holds ''', (SELECT MIN(given) FROM #asked WHERE idx IS NULL),
            N''', which is no index. Give whole numbers with commas between, such as 0,1,5, or NULL for all patients.');
    END;
    ELSE IF NOT EXISTS (SELECT 1 FROM #asked WHERE scan_id IS NOT NULL) OR EXISTS (SELECT 1 FROM #asked WHERE scan_id IS NULL)
    BEGIN
        SET @Number = 50107;
        SET @Some = COALESCE((SELECT STRING_AGG(CAST(m.idx AS NVARCHAR(MAX)), N', ')
            FROM (SELECT TOP (20) idx FROM #asked WHERE scan_id IS NULL ORDER BY idx) AS m), N'0 and up');
        SET @Message = CONCAT(N'No patient with a scan has an index of these: ', @Some, N'. See dbo.patients and dbo.scans.');
    END;
    ELSE
    BEGIN
        INSERT INTO #combine (scan_id)
        SELECT DISTINCT scan_id FROM #asked;
        EXECUTE internal.FillCombinedFeatures @FeatureSetId;
        INSERT INTO #wanted (scan_id, idx, vector_sha256)
        SELECT DISTINCT a.scan_id, a.idx,
            CASE WHEN f.vector_sha256 = HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), f.vector)) THEN f.vector_sha256 ELSE 0x END
        FROM #asked AS a
        INNER JOIN dbo.pooled_features AS f ON f.scan_id = a.scan_id
        WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling AND (COALESCE(@Only, N'') <> N'new' OR NOT EXISTS (
            SELECT 1 FROM dbo.predictions AS r
            WHERE r.scan_id = a.scan_id AND r.classifier_id = @ClassifierId
                AND (r.vector_sha256 IS NULL OR r.vector_sha256 = f.vector_sha256)));
        IF @Only = N'new'
            DELETE a
            FROM #asked AS a
            WHERE a.scan_id NOT IN (SELECT scan_id FROM #wanted) AND EXISTS (
                SELECT 1 FROM dbo.predictions AS r WHERE r.scan_id = a.scan_id AND r.classifier_id = @ClassifierId);
        INSERT INTO #read (scan_id)
        SELECT scan_id FROM #wanted;
        EXECUTE internal.CheckVectors @FeatureSetId, @Pooling, @AreSent, @RefuseAltered;
        DELETE a FROM #asked AS a INNER JOIN #wanted AS w ON w.scan_id = a.scan_id;
        SET @Missing = (SELECT COUNT(DISTINCT scan_id) FROM #asked);
        SET @Some = (SELECT STRING_AGG(CAST(m.idx AS NVARCHAR(MAX)), N', ')
            FROM (SELECT DISTINCT TOP (20) idx FROM #asked ORDER BY idx) AS m);
        IF @Missing > 0 AND (@SkipMissing = 0 OR (COALESCE(@Only, N'') <> N'new' AND NOT EXISTS (SELECT 1 FROM #wanted)))
        BEGIN
            SET @Number = 50140;
            SET @Message = CONCAT(@Missing, N' ', @What, N' have no features that the model can read; ',
                IIF(@What = N'patients', N'their indices: ', N'indices of their patients: '), @Some,
                IIF(@Missing > 20, N', …', N''), N'. Call GenerateFeatures ',
                IIF(EXISTS (SELECT 1 FROM dbo.poolings WHERE pooling = @Pooling AND network_id IS NOT NULL), N'and PoolFeatures ', N''),
                N'for ', IIF(@What = N'patients', N'their scans', N'them'),
                IIF(EXISTS (SELECT 1 FROM #wanted), N', or leave them out with @SkipMissing = 1.', N'.'));
        END;
    END;
    IF @Number <> 0
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW @Number, @Message, 1;
    END;
    IF @Only = N'new' AND NOT EXISTS (SELECT 1 FROM #wanted)
        RAISERROR(N'There is nothing new to score.', 0, 1) WITH NOWAIT;
    IF @Missing > 0
        RAISERROR(N'%d %s without features are left out; the first indices: %s.', 0, 1, @Missing, @What, @Some) WITH NOWAIT;
END;
