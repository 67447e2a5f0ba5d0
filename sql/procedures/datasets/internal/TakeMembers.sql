-- TakeMembers: fills #members with the scans or pictures of a query, of a data set, or with the primary scans of all patients, each once.
-- Called by CreateDataset, whose table #members it fills.
CREATE OR ALTER PROCEDURE internal.TakeMembers
    @Query NVARCHAR(MAX),           -- query, or NULL
    @From NVARCHAR(128),            -- data set, or NULL
    @FromVersion INT,               -- its version, or NULL for the newest
    @Kind VARCHAR(8) OUTPUT,        -- scans or images
    @ChosenBy NVARCHAR(MAX) OUTPUT, -- what chose them, members of a JSON object
    @Twice INT OUTPUT               -- rows of the query that name what another has named
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @DatasetVersionId INT, @Number INT, @Rows INT, @Wrong INT;
    CREATE TABLE #chosen (given NVARCHAR(400) COLLATE DATABASE_DEFAULT NULL);
    CREATE TABLE #named (scan_id INT NULL, image_name NVARCHAR(400) COLLATE DATABASE_DEFAULT NULL);

    IF @Query IS NOT NULL
    BEGIN
        EXECUTE internal.RunDatasetQuery @Query, @Kind OUTPUT;
        SET @ChosenBy = CONCAT(N'"query": "', STRING_ESCAPE(@Query, 'json'), N'"');
        SET @Rows = (SELECT COUNT(*) FROM #chosen);
        -- A number with a fraction, or a text, is no scan_id. A FLOAT comes as text with an exponent.
        UPDATE #chosen
        SET given = CAST(CAST(CAST(given AS FLOAT) AS INT) AS NVARCHAR(12))
        WHERE @Kind = 'scans' AND given LIKE N'%[0-9].%[0-9]e+0[0-9][0-9]' AND TRY_CAST(given AS FLOAT) = FLOOR(TRY_CAST(given AS FLOAT))
            AND TRY_CAST(given AS FLOAT) BETWEEN -2147483648 AND 2147483647;
        SET @Wrong = (SELECT COUNT(*) FROM #chosen WHERE given IS NULL OR (@Kind = 'scans' AND TRY_CAST(given AS INT) IS NULL));
        IF @Wrong > 0
        BEGIN
            SET @Message = CONCAT(N'The query gives ', @Wrong, N' rows of ', @Rows, N' whose ', IIF(@Kind = 'scans', N'scan_id', N'name'),
                N' is NULL or no ', IIF(@Kind = 'scans', N'whole number', N'name'), N'. Leave them out with a condition.');
            THROW 50270, @Message, 1;
        END;
        INSERT INTO #named (scan_id, image_name)
        SELECT DISTINCT IIF(@Kind = 'scans', TRY_CAST(given AS INT), NULL), IIF(@Kind = 'images', given, NULL) FROM #chosen;
        SET @Twice = @Rows - (SELECT COUNT(*) FROM #named);
    END;
    ELSE IF @From IS NOT NULL
    BEGIN
        SET @Kind = (SELECT kind FROM dbo.datasets WHERE name = @From);
        SET @Kind = IIF(@Kind = 'images', @Kind, 'scans');
        EXECUTE internal.FindDataset @From, @FromVersion, @DatasetVersionId OUTPUT, @Kind;
        SET @Number = (SELECT version FROM dbo.dataset_versions WHERE dataset_version_id = @DatasetVersionId);
        SET @ChosenBy = CONCAT(N'"from": "', STRING_ESCAPE(@From, 'json'), N'", "version": ', @Number);
        INSERT INTO #named (scan_id, image_name)
        SELECT scan_id, image_name FROM dbo.dataset_members WHERE dataset_version_id = @DatasetVersionId;
    END;
    ELSE
    BEGIN
        SET @Kind = 'scans';
        INSERT INTO #named (scan_id)
        SELECT scan_id FROM dbo.scans WHERE is_primary = 1;
    END;

    INSERT INTO #members (scan_id, content_sha256, owner)
    SELECT s.scan_id, s.content_sha256, s.patient_id
    FROM #named AS n
    INNER JOIN dbo.scans AS s ON s.scan_id = n.scan_id;
    INSERT INTO #members (image_name, content_sha256, owner)
    SELECT i.name, i.sha256, i.name
    FROM #named AS n
    INNER JOIN dbo.images AS i ON i.name = n.image_name;
    SET @Wrong = (SELECT COUNT(*) FROM #named) - (SELECT COUNT(*) FROM #members);
    IF @Wrong > 0
    BEGIN
        SET @Message = CONCAT(@Wrong, IIF(@Kind = 'scans', N' scans', N' pictures'), N' of the ', IIF(@Query IS NULL, N'data set',
            N'query'), N' are not there', (
                SELECT N': scan_id ' + STRING_AGG(CAST(g.scan_id AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY g.scan_id)
                FROM (SELECT TOP (5) scan_id FROM #named WHERE scan_id NOT IN (SELECT scan_id FROM dbo.scans) ORDER BY scan_id) AS g),
            IIF(@Wrong > 5, N', …', N''), N'. Choose among dbo.', IIF(@Kind = 'scans', N'scans', N'images'), N'.');
        THROW 50271, @Message, 1;
    END;
END;
