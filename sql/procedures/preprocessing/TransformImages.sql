-- TransformImages: makes a data set of pictures of the slices or pictures of another one, by the steps of a preprocessing.
-- Example: EXECUTE dbo.TransformImages @Dataset = N'thin', @Preprocessing = N'lung', @Name = N'thin pictures', @SlicesPerScan = 8;
CREATE OR ALTER PROCEDURE dbo.TransformImages
    @Dataset NVARCHAR(128) = NULL,       -- data set of scans or of pictures; needed
    @DatasetVersion INT = NULL,          -- its version; NULL means the newest
    @Name NVARCHAR(64) = NULL,           -- name of the data set that is made, and beginning of its pictures' names; needed
    @Preprocessing NVARCHAR(32) = NULL,  -- name in dbo.preprocessings
    @Steps NVARCHAR(MAX) = NULL,         -- or steps, as StorePreprocessing takes them; of pictures none that need HU or mm
    @Rows INT = 224,                     -- rows where a step resizes to network, 1 to 4096
    @Cols INT = 224,                     -- columns where a step resizes to network, 1 to 4096
    @Black FLOAT = NULL,                 -- value that becomes black; NULL means 0
    @White FLOAT = NULL,                 -- value that becomes white; NULL means 1 of scans, 255 of pictures
    @SlicesPerScan INT = NULL,           -- so many slices of each scan, evenly over it; NULL means all
    @ChunkMegabytes INT = 64,            -- megabytes of stored slices or pictures in one transaction, 1 to 512
    @Help BIT = 0                        -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.TransformImages makes 8-bit PNG pictures of the slices or pictures of a data set, puts them into dbo.images, and makes
a data set of them once all are there. It works in chunks, each stored in a transaction of its own: stopped at any point, it goes on there
when called again. dbo.image_lineage says what each was made of and how. A picture of a slice has its patient, one of a picture its patient,
group and classes, so that both are in the same part. The network''s normalisation does not apply. Where no step resizes to network, the
size stays what the steps make of it.
Parameters:
    @Dataset NVARCHAR(128) = NULL       data set of scans or of pictures; needed
    @DatasetVersion INT = NULL          its version; NULL means the newest
    @Name NVARCHAR(64) = NULL           name of the data set that is made, and beginning of its pictures'' names; needed
    @Preprocessing NVARCHAR(32) = NULL  name in dbo.preprocessings
    @Steps NVARCHAR(MAX) = NULL         or steps, as StorePreprocessing takes them; of pictures none that need HU or mm
    @Rows INT = 224                     rows where a step resizes to network, 1 to 4096
    @Cols INT = 224                     columns where a step resizes to network, 1 to 4096
    @Black FLOAT = NULL                 value that becomes black; NULL means 0
    @White FLOAT = NULL                 value that becomes white; NULL means 1 of scans, 255 of pictures
    @SlicesPerScan INT = NULL           so many slices of each scan, evenly over it; NULL means all
    @ChunkMegabytes INT = 64            megabytes of stored slices or pictures in one transaction, 1 to 512
    @Help BIT = 0                       1 prints this help and does nothing else
Example:
    EXECUTE dbo.TransformImages @Dataset = N''thin'', @Preprocessing = N''lung'', @Name = N''thin pictures'', @SlicesPerScan = 8;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Kind VARCHAR(8), @VersionId INT, @Recipe NVARCHAR(MAX), @Language NVARCHAR(128), @RunId INT,
        @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Total INT, @Done INT = 0, @Failed INT, @ChosenBy NVARCHAR(MAX),
        @Version INT, @IsNew BIT, @CpuSeconds FLOAT, @PeakMegabytes FLOAT;
    CREATE TABLE #todo (
        place INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, name NVARCHAR(300) COLLATE DATABASE_DEFAULT NOT NULL, scan_id INT NULL,
        slice_index INT NULL, image_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, sha256 VARBINARY(32) NOT NULL, bytes BIGINT NOT NULL);
    CREATE TABLE #all (name NVARCHAR(300) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY);
    CREATE TABLE #chunk (place INT NOT NULL PRIMARY KEY);
    CREATE TABLE #result (
        place INT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL, picture VARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL,
        sha256 VARCHAR(64) COLLATE DATABASE_DEFAULT NULL);
    CREATE TABLE #failed (place INT NOT NULL PRIMARY KEY, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #members (
        scan_id INT NULL, image_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, content_sha256 VARBINARY(32) NOT NULL);

    EXECUTE internal.CheckTransform @Dataset, @Name, @Black, @White, @SlicesPerScan, @ChunkMegabytes, @Preprocessing, @Rows, @Cols,
        @Steps OUTPUT, @Kind OUTPUT;
    IF @Kind = 'scans'
        EXECUTE internal.FindScansOfDataset @Dataset, @DatasetVersion, @VersionId OUTPUT;
    ELSE
        EXECUTE internal.FindImageSet @Dataset, @DatasetVersion, @VersionId OUTPUT;
    SELECT @Black = COALESCE(@Black, 0), @White = COALESCE(@White, IIF(@Kind = 'scans', 1, 255));
    SET @Recipe = CONCAT(N'{"steps": ', @Steps, N', "rows": ', @Rows, N', "cols": ', @Cols, N', "black": ',
        CONVERT(NVARCHAR(40), @Black, 3), N', "white": ', CONVERT(NVARCHAR(40), @White, 3), N'}');
    EXECUTE internal.FindTransforms @VersionId, @Name, @SlicesPerScan, @Recipe;
    EXECUTE internal.ReadSettings @Language OUTPUT;
    SET @Total = (SELECT COUNT(*) FROM #todo);
    SET @Message = CONCAT(@Name, N': ', @Total, N' pictures to make.');
    DECLARE @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.dataset', @Dataset), N'$.name', @Name),
        N'$.preprocessing', @Preprocessing);
    EXECUTE internal.StartRun N'TransformImages', @RunId OUTPUT, @Arguments;
    EXECUTE internal.ReportStep @RunId, @Message, 0, @Total;

    WHILE EXISTS (SELECT 1 FROM #todo WHERE place NOT IN (SELECT place FROM #failed))
    BEGIN
        DELETE FROM #result;
        DELETE FROM #chunk;
        INSERT INTO #chunk (place)
        SELECT t.place
        FROM (
            SELECT place, SUM(bytes) OVER (ORDER BY place ROWS UNBOUNDED PRECEDING) AS so_far,
                ROW_NUMBER() OVER (ORDER BY place) AS position
            FROM #todo
            WHERE place NOT IN (SELECT place FROM #failed)) AS t
        WHERE t.position = 1 OR (t.so_far <= CAST(@ChunkMegabytes AS BIGINT) * 1000000 AND t.position <= 1000);
        INSERT INTO #result (place, error, picture, sha256)
        EXECUTE sp_execute_external_script
            @language = @Language,
            @script = N'
def main(sources, steps, rows, cols, black, white):
    from lungdb.procedures import measured, transform_images
    return measured(transform_images, sources, steps, rows, cols, black, white)

OutputDataSet, ErrorNumber, ErrorMessage, CpuSeconds, PeakMegabytes = main(
    InputDataSet, Steps, Rows, Cols, Black, White)
',
            @input_data_1 = N'
SELECT t.place, s.image_rows, s.image_cols, i.rescale_slope, i.rescale_intercept,
    CONVERT(VARCHAR(MAX), COALESCE(i.pixels, p.image), 2) AS pixels, CONVERT(VARCHAR(64), t.sha256, 2) AS pixels_sha256,
    COALESCE(i.encoding, N'''') AS encoding, s.spacing_y, s.spacing_x, CASE WHEN t.scan_id IS NULL THEN 1 ELSE 0 END AS is_picture
FROM #chunk AS c
INNER JOIN #todo AS t ON t.place = c.place
LEFT JOIN dbo.scans AS s ON s.scan_id = t.scan_id
LEFT JOIN dbo.scan_images AS i ON i.scan_id = t.scan_id AND i.slice_index = t.slice_index
LEFT JOIN dbo.images AS p ON p.name = t.image_name
ORDER BY t.place;',
            @params = N'@Steps NVARCHAR(MAX), @Rows INT, @Cols INT, @Black FLOAT, @White FLOAT, @ErrorNumber INT OUTPUT,
                @ErrorMessage NVARCHAR(2000) OUTPUT, @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
            @Steps = @Steps, @Rows = @Rows, @Cols = @Cols, @Black = @Black, @White = @White, @ErrorNumber = @ErrorNumber OUTPUT,
            @ErrorMessage = @ErrorMessage OUTPUT,
            @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
        IF @ErrorNumber <> 0
            EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
        IF @ErrorNumber <> 0
        BEGIN
            SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
            THROW @ErrorNumber, @Message, 1;
        END;
        EXECUTE internal.StoreTransforms @RunId, @Preprocessing, @Recipe;
        SET @Done = @Done + (SELECT COUNT(*) FROM #chunk);
        SET @Message = CONCAT(@Done, N' of ', @Total, N' pictures done.');
        EXECUTE internal.ReportStep @RunId, @Message, @Done, @Total, NULL, NULL, NULL, @CpuSeconds, @PeakMegabytes;
    END;

    SELECT @Failed = COUNT(*), @Message = NULL FROM #failed;
    IF @Failed > 0
        SET @Message = REPLACE(LEFT(CONCAT(@Failed, N' of ', @Total, N' pictures failed, and no data set was made: ', (
                SELECT STRING_AGG(CAST(CONCAT(N'''', t.name, N''': ', LEFT(f.error, 240)) AS NVARCHAR(MAX)), N' ')
                    WITHIN GROUP (ORDER BY f.place)
                FROM (SELECT TOP (5) place, error FROM #failed ORDER BY place) AS f
                INNER JOIN #todo AS t ON t.place = f.place),
            N' The others are stored. Mend these or leave them out, and call TransformImages again.'), 1900), N'%', N'%%');
    EXECUTE internal.EndRun @RunId, @Failed, @Message;
    IF @Failed > 0
        THROW 50120, @Message, 1;

    EXECUTE internal.RefreshDerived;
    INSERT INTO #members (image_name, content_sha256)
    SELECT i.name, i.sha256 FROM dbo.images AS i INNER JOIN #all AS a ON a.name = i.name;
    SET @ChosenBy = CONCAT(N'TransformImages of ', @Dataset, N': ', @Recipe);
    EXECUTE internal.StoreDataset @Name, 'images', @ChosenBy, @Version OUTPUT, @IsNew OUTPUT;
    SELECT name, version, kind, members, patients, members_sha256
    FROM dbo.dataset_list
    WHERE name = @Name AND version = @Version;
END;
