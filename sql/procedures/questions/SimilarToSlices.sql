-- SimilarToSlices: the stored scans, or triples of slices, that are most like slices which are in no table and come into none.
-- Example: EXECUTE dbo.SimilarToSlices @Slices = N'[]';
CREATE OR ALTER PROCEDURE dbo.SimilarToSlices
    @Slices NVARCHAR(MAX) = NULL,               -- JSON: the slices of one scan, feet to head, see below; needed
    @SliceIndex INT = NULL,                     -- slice, from 0, whose triple is compared; NULL means the whole scan
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers, whose features are meant
    @Limit INT = 8,                             -- rows to return, 1 to 1000
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.SimilarToSlices makes features of slices as GenerateFeatures makes those of the model, and compares them as
SimilarPatients compares whole scans, or, with @SliceIndex or where one slice is given, as SimilarSlices compares triples. Nothing of the
slices is stored or said. Whose they are is not known: a scan of the same patient is found like any other.
A slice is an object with image_rows, image_cols, rescale_slope, rescale_intercept, pixels and pixels_sha256 in hexadecimal, and, where they
are known, encoding, spacing_y and spacing_x, as dbo.scans and dbo.scan_images have them. lungdb similar makes it of DICOM files.
A message says what was compared. triple and first_slice are NULL of a whole scan.
Parameters:
    @Slices NVARCHAR(MAX) = NULL                JSON: the slices of one scan, feet to head, see below; needed
    @SliceIndex INT = NULL                      slice, from 0, whose triple is compared; NULL means the whole scan
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers, whose features are meant
    @Limit INT = 8                              rows to return, 1 to 1000
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.SimilarToSlices @Slices = N''[]'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000) = N'', @FeatureSetId INT, @Pooling NVARCHAR(32), @Array VARBINARY(MAX), @FirstSlice INT,
        @Network VARBINARY(MAX), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX), @Layer NVARCHAR(256), @Preprocessing NVARCHAR(32),
        @Steps NVARCHAR(MAX), @Packages NVARCHAR(MAX);
    DECLARE @Language NVARCHAR(128), @Providers NVARCHAR(400), @Threads INT, @Notice NVARCHAR(2000), @ErrorNumber INT,
        @ErrorMessage NVARCHAR(2000);
    CREATE TABLE #vectors (scan_id INT NOT NULL PRIMARY KEY, vector_sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #similar (scan_id INT NULL, similarity FLOAT NULL);
    CREATE TABLE #read (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #compared (
        place INT NOT NULL PRIMARY KEY, scan_id INT NULL, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, bytes BIGINT NOT NULL);
    CREATE TABLE #similar_rows (place INT NOT NULL, row_index INT NOT NULL, similarity FLOAT NOT NULL);
    IF @Limit IS NULL OR @Limit NOT BETWEEN 1 AND 1000
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Limit AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Limit is not supported. Supported values are 1 to 1000. ');
    IF @Slices IS NULL
        SET @Message = CONCAT(@Message, N'The parameter @Slices is NULL. Give the slices of a scan, as lungdb similar does. ');
    IF @Message <> N''
        THROW 50101, @Message, 1;
    IF DATALENGTH(@Slices) > 1073741824
        THROW 50231, N'@Slices is more than the 1 GB that a script takes. Give the slices of one scan.', 1;
    EXECUTE internal.FindComparedFeatures @ModelName, @FeatureSetId OUTPUT, @Pooling OUTPUT;
    EXECUTE internal.ReadSettings @Language OUTPUT, @Providers OUTPUT, @Threads OUTPUT;
    EXECUTE internal.ListPackages @Packages OUTPUT;
    EXECUTE internal.NeedTriples @FeatureSetId;
    SELECT @Network = n.model, @Sha256 = CONVERT(VARCHAR(64), n.sha256, 2), @Details = n.details, @Layer = fs.layer,
        @Preprocessing = fs.preprocessing, @Steps = p.steps
    FROM dbo.feature_sets AS fs
    INNER JOIN dbo.networks AS n ON n.network_id = fs.network_id
    LEFT JOIN dbo.preprocessings AS p ON p.name = fs.preprocessing
    WHERE fs.feature_set_id = @FeatureSetId;
    IF COALESCE(DATALENGTH(@Network), 0) = 0
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The bytes of the network that the model ''', @ModelName, N''' reads features of are not in this ',
            N'database, so that none can be made of new slices. Ask where the model was copied from.'), N'%', N'%%');
        THROW 50116, @Message, 1;
    END;
    IF @SliceIndex IS NULL
    BEGIN
        INSERT INTO #vectors (scan_id, vector_sha256)
        SELECT f.scan_id, COALESCE(f.vector_sha256, 0x)
        FROM dbo.pooled_features AS f
        INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id
        WHERE s.is_primary = 1 AND f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling;
        INSERT INTO #read (scan_id)
        SELECT scan_id FROM #vectors;
        EXECUTE internal.CheckVectors @FeatureSetId, @Pooling, 0;
    END;
    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(N'{}', N'$.model', @ModelName), N'$.limit', @Limit);
    EXECUTE internal.StartRun N'SimilarToSlices', @RunId OUTPUT, @Arguments;
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(slices, slice_index, network, sha256, details, layer, preprocessing, steps, pooling, packages, providers, threads):
    from lungdb.procedures import features_of_slices
    return features_of_slices(
        slices, slice_index, network, sha256, details, layer, preprocessing, steps, pooling, packages, providers, threads)

Array, FirstSlice, Notice, ErrorNumber, ErrorMessage = main(Slices, SliceIndex, Network, Sha256, Details, Layer,
    Preprocessing, Steps, Pooling, Packages, Providers, Threads)
',
        @params = N'@Slices NVARCHAR(MAX), @SliceIndex INT, @Network VARBINARY(MAX), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX),
            @Layer NVARCHAR(256), @Preprocessing NVARCHAR(32), @Steps NVARCHAR(MAX), @Pooling NVARCHAR(32), @Packages NVARCHAR(MAX),
            @Providers NVARCHAR(400), @Threads INT, @Array VARBINARY(MAX) OUTPUT, @FirstSlice INT OUTPUT, @Notice NVARCHAR(2000) OUTPUT,
            @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @Slices = @Slices, @SliceIndex = @SliceIndex, @Network = @Network, @Sha256 = @Sha256, @Details = @Details, @Layer = @Layer,
        @Preprocessing = @Preprocessing, @Steps = @Steps, @Pooling = @Pooling, @Packages = @Packages, @Providers = @Providers,
        @Threads = @Threads, @Array = @Array OUTPUT, @FirstSlice = @FirstSlice OUTPUT, @Notice = @Notice OUTPUT,
        @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;
    RAISERROR(N'%s', 0, 1, @Notice) WITH NOWAIT;

    IF @FirstSlice >= 0
    BEGIN
        INSERT INTO #compared (place, scan_id, bytes)
        SELECT f.scan_id, f.scan_id, DATALENGTH(f.array)
        FROM dbo.features AS f
        INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id
        WHERE f.feature_set_id = @FeatureSetId AND f.array_rows > 0 AND s.is_primary = 1;
        EXECUTE internal.FindSimilarRows @FeatureSetId, @Array, @Limit, @RunId;
        EXECUTE internal.EndRun @RunId;
        EXECUTE internal.ShowSimilarSlices;
        RETURN 0;
    END;
    EXECUTE internal.RefreshBinaryVectors @FeatureSetId, @Pooling, @RunId;
    SET @Message = (
        SELECT CONCAT(N'The vectors of ', COUNT(*), N' scans have another length than the ', DATALENGTH(@Array) / 4,
            N' numbers made of the slices. Call GenerateFeatures with @Recompute = 1, and train the model again.')
        FROM #vectors AS v
        INNER JOIN dbo.binary_vectors AS u ON u.scan_id = v.scan_id
        WHERE u.feature_set_id = @FeatureSetId AND u.pooling = @Pooling AND DATALENGTH(u.array) > 0
            AND DATALENGTH(u.array) <> DATALENGTH(@Array)
        HAVING COUNT(*) > 0);
    IF @Message IS NOT NULL
        EXECUTE internal.EndRun @RunId, 0, @Message;
    IF @Message IS NOT NULL
        THROW 50110, @Message, 1;
    EXECUTE internal.CompareVectors @FeatureSetId, @Pooling, @Array, NULL, @Limit, @RunId;
    EXECUTE internal.EndRun @RunId;
    SELECT p.idx AS patient_index, p.display_name, s.study_date, t.scan_id, CAST(NULL AS INT) AS triple, CAST(NULL AS INT) AS first_slice,
        t.similarity
    FROM #similar AS t
    INNER JOIN dbo.scans AS s ON s.scan_id = t.scan_id
    INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
    ORDER BY t.similarity DESC, p.idx;
END;
