-- CheckHashes: compares what is stored with its SHA-256, scan by scan, in T-SQL alone, and ends with an error where something differs.
-- Example: EXECUTE dbo.CheckHashes;
CREATE OR ALTER PROCEDURE dbo.CheckHashes
    @Scans INT = NULL, -- check so many scans, drawn by chance, 1 or more; NULL means all
    @Help BIT = 0      -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.CheckHashes is what a job calls: it compares with their SHA-256 the networks, models, pictures and what was made of
pictures, and of every scan the slices, their number and order, feature arrays, vectors, moving pictures, prepared pictures and maps.
It changes nothing, holds a scan at a time, and returns a row for each kind: how many were checked, how many differ, the first scan_id or
number. Where something differs it ends with error 50472. Of a slice in the encoding ''shuffled'' T-SQL checks that it can be unpacked and
its size, not its pixels: those are checked by the command lungdb check, which also looks at all else that must hold.
Parameters:
    @Scans INT = NULL  check so many scans, drawn by chance, 1 or more; NULL means all
    @Help BIT = 0      1 prints this help and does nothing else
Example:
    EXECUTE dbo.CheckHashes @Scans = 100;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @RunId INT, @ScanId INT, @Done INT = 0, @Total INT, @Said DATETIME2(3) = SYSUTCDATETIME(),
        @Arguments NVARCHAR(4000);
    CREATE TABLE #hashed_scans (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #hashes (
        kind VARCHAR(24) COLLATE DATABASE_DEFAULT NOT NULL, number INT NOT NULL, items INT NOT NULL, differing INT NOT NULL);
    IF @Scans < 1
    BEGIN
        SET @Message = CONCAT(N'The value ', @Scans, N' for the parameter @Scans is not supported. Supported are 1 or more, and NULL.');
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.RefuseTransaction N'CheckHashes';
    SET @Total = (SELECT COUNT(*) FROM dbo.scans);
    IF @Scans < @Total
        SET @Total = @Scans;
    INSERT INTO #hashed_scans (scan_id)
    SELECT TOP (@Total) scan_id FROM dbo.scans ORDER BY NEWID();
    SET @Arguments = JSON_MODIFY(N'{}', N'$.scans', @Scans);
    EXECUTE internal.StartRun N'CheckHashes', @RunId OUTPUT, @Arguments;
    SET @Message = CONCAT(N'Hashes of models and pictures, and of ', @Total, N' scans.');
    EXECUTE internal.ReportStep @RunId, @Message, 0, @Total;
    EXECUTE internal.HashRows;

    WHILE EXISTS (SELECT 1 FROM #hashed_scans)
    BEGIN
        SET @ScanId = (SELECT MIN(scan_id) FROM #hashed_scans);
        -- What cannot be unpacked is an error of the statement.
        BEGIN TRY
            EXECUTE internal.HashSlices @ScanId;
        END TRY
        BEGIN CATCH
            IF @@TRANCOUNT > 0
                ROLLBACK TRANSACTION;
            INSERT INTO #hashes (kind, number, items, differing) VALUES ('slices', @ScanId, 1, 1);
        END CATCH;
        EXECUTE internal.HashScan @ScanId;
        DELETE FROM #hashed_scans WHERE scan_id = @ScanId;
        SET @Done = @Done + 1;
        IF DATEDIFF_BIG(MILLISECOND, @Said, SYSUTCDATETIME()) >= 10000
        BEGIN
            SET @Said = SYSUTCDATETIME();
            SET @Message = CONCAT(@Done, N' of ', @Total, N' scans checked.');
            EXECUTE internal.ReportStep @RunId, @Message, @Done, @Total;
        END;
    END;

    SELECT kind, SUM(CAST(items AS BIGINT)) AS checked, SUM(CAST(differing AS BIGINT)) AS differing,
        MIN(CASE WHEN differing > 0 THEN number END) AS first_number
    FROM #hashes
    GROUP BY kind
    ORDER BY kind;
    SET @Message = (
        SELECT LEFT(STRING_AGG(CAST(CONCAT(h.differing, N' ', h.kind, N', the first of ',
            IIF(h.kind IN ('networks', 'models', 'models of pictures', 'pictures', 'features of pictures'), N'number ', N'scan_id '),
            h.first) AS NVARCHAR(MAX)), N'; ') WITHIN GROUP (ORDER BY h.kind), 1200)
        FROM (
            SELECT kind, SUM(differing) AS differing, MIN(number) AS first FROM #hashes WHERE differing > 0 GROUP BY kind) AS h);
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = CONCAT(N'What is stored differs from its SHA-256, or cannot be read: ', @Message,
            N'. The command lungdb check says what mends each; what is lost for good comes back from a backup only.');
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW 50472, @Message, 1;
    END;
    SET @Message = CONCAT(@Total, N' of ', @Total, N' scans checked. Nothing differs.');
    EXECUTE internal.ReportStep @RunId, @Message, @Total, @Total;
    EXECUTE internal.EndRun @RunId;
END;
