-- CheckMembers: refuses a version of a data set of which scans or pictures were replaced or removed since it was made. Without one it does
-- nothing.
-- Called by FindScansOfDataset and every other procedure that works on the members of a data set.
CREATE OR ALTER PROCEDURE internal.CheckMembers
    @DatasetVersionId INT -- version of a data set of scans or pictures, or NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Changed INT, @Name NVARCHAR(128), @Version INT, @Kind VARCHAR(8);
    CREATE TABLE #changed (position INT NOT NULL PRIMARY KEY, scan_id INT NULL);
    INSERT INTO #changed (position, scan_id)
    SELECT m.position, m.scan_id
    FROM dbo.dataset_members AS m
    LEFT JOIN dbo.scans AS s ON s.scan_id = m.scan_id
    LEFT JOIN dbo.images AS i ON i.name = m.image_name
    WHERE m.dataset_version_id = @DatasetVersionId AND COALESCE(s.content_sha256, i.sha256, 0x) <> m.content_sha256;
    SET @Changed = (SELECT COUNT(*) FROM #changed);
    IF @Changed = 0
        RETURN 0;
    SELECT @Name = d.name, @Version = v.version, @Kind = d.kind
    FROM dbo.dataset_versions AS v
    INNER JOIN dbo.datasets AS d ON d.dataset_id = v.dataset_id
    WHERE v.dataset_version_id = @DatasetVersionId;
    SET @Message = REPLACE(CONCAT(@Changed, IIF(@Kind = 'scans', N' scans', N' pictures'), N' of the data set ''', @Name, N''' version ',
        @Version, N' were replaced or removed since it was made', (
            SELECT N': scan_id ' + STRING_AGG(CAST(g.scan_id AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY g.scan_id)
            FROM (SELECT TOP (5) scan_id FROM #changed WHERE scan_id IS NOT NULL ORDER BY scan_id) AS g),
        IIF(@Changed > 5 AND @Kind = 'scans', N', …', N''),
        N'. Call CreateDataset for it again, which makes a version of what is there now.'), N'%', N'%%');
    THROW 50274, @Message, 1;
END;
