-- FindTransforms: fills #all with the names of the pictures that a data set of derived ones will have, and #todo with those that are not
-- there yet as the recipe makes them of what the sources are now. Refuses names that are taken by other pictures, and too long ones.
-- Called by TransformImages, whose tables #all and #todo it fills.
CREATE OR ALTER PROCEDURE internal.FindTransforms
    @VersionId INT,          -- version of the data set
    @Name NVARCHAR(64),      -- name of the one that is made
    @SlicesPerScan INT,      -- of each scan, or NULL for all
    @Recipe NVARCHAR(MAX)    -- JSON of how they are made
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Other NVARCHAR(300), @Digest VARBINARY(32) = HASHBYTES('SHA2_256', @Recipe);
    EXECUTE internal.NeedPixels NULL, @VersionId;
    INSERT INTO #todo (name, scan_id, slice_index, sha256, bytes)
    SELECT CONCAT(@Name, N'/', i.scan_id, N'/', i.slice_index), i.scan_id, i.slice_index, i.pixels_sha256, DATALENGTH(i.pixels)
    FROM dbo.dataset_members AS m
    INNER JOIN dbo.scans AS s ON s.scan_id = m.scan_id
    INNER JOIN dbo.scan_images AS i ON i.scan_id = m.scan_id
    WHERE m.dataset_version_id = @VersionId AND (@SlicesPerScan IS NULL
        OR CAST(i.slice_index + 1 AS BIGINT) * @SlicesPerScan / s.number_images
            > CAST(i.slice_index AS BIGINT) * @SlicesPerScan / s.number_images)
    ORDER BY i.scan_id, i.slice_index;
    INSERT INTO #todo (name, image_name, sha256, bytes)
    SELECT CONCAT(@Name, N'/', i.name), i.name, i.sha256, DATALENGTH(i.image)
    FROM dbo.dataset_members AS m
    INNER JOIN dbo.images AS i ON i.name = m.image_name
    WHERE m.dataset_version_id = @VersionId
    ORDER BY i.name;
    SET @Other = (SELECT MIN(name) FROM #todo WHERE LEN(name) > 128);
    IF @Other IS NOT NULL
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The name ''', @Other, N''' of a picture would have ', LEN(@Other),
            N' characters, more than 128. Take a shorter @Name.'), N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
    SET @Other = (
        SELECT MIN(i.name)
        FROM dbo.images AS i
        INNER JOIN #todo AS t ON t.name = i.name
        LEFT JOIN dbo.image_lineage AS l ON l.image_name = i.name AND l.digest = @Digest
        WHERE l.image_name IS NULL);
    IF @Other IS NOT NULL
    BEGIN
        SET @Message = REPLACE(CONCAT(N'There is a picture ''', @Other, N''' already, and these steps have not made it. ',
            N'Take another @Name.'), N'%', N'%%');
        THROW 50303, @Message, 1;
    END;
    INSERT INTO #all (name) SELECT name FROM #todo;
    DELETE t
    FROM #todo AS t
    INNER JOIN dbo.image_lineage AS l ON l.image_name = t.name AND l.source_sha256 = t.sha256;
END;
