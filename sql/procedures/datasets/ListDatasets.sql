-- ListDatasets: the data sets with their versions, members and what chose them, the newest version of each first.
-- Example: EXECUTE dbo.ListDatasets;
CREATE OR ALTER PROCEDURE dbo.ListDatasets
    @Name NVARCHAR(128) = NULL, -- name of one; NULL means all
    @Help BIT = 0               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ListDatasets lists the data sets, a row a version, those of the T-SQL networks'' examples too, which have no versions.
changed is how many of its scans were replaced or removed since: a version with such scans is refused where it is used.
Parameters:
    @Name NVARCHAR(128) = NULL  name of one; NULL means all
    @Help BIT = 0               1 prints this help and does nothing else
Example:
    EXECUTE dbo.ListDatasets;';
        RETURN 0;
    END;

    SELECT d.name, d.kind, d.version, d.members, d.patients, (
            SELECT COUNT(*)
            FROM dbo.dataset_members AS m
            LEFT JOIN dbo.scans AS s ON s.scan_id = m.scan_id
            WHERE m.dataset_version_id = d.dataset_version_id AND m.scan_id IS NOT NULL
                AND (s.scan_id IS NULL OR s.content_sha256 <> m.content_sha256)) AS changed,
        (SELECT COUNT(*) FROM dbo.experiments AS e WHERE e.dataset_version_id = d.dataset_version_id) AS trainings,
        (SELECT COUNT(*) FROM dbo.evaluations AS e WHERE e.dataset_version_id = d.dataset_version_id) AS evaluations,
        d.chosen_by, d.created_at, d.created_by
    FROM dbo.dataset_list AS d
    WHERE @Name IS NULL OR d.name = @Name
    ORDER BY d.name, d.version DESC;
END;
