-- StoreTransforms: stores the pictures that came back with what they were made of, in one transaction; of a source that changed meanwhile,
-- or that failed, a row of #failed. What is done is deleted from #todo.
-- Called by TransformImages, whose tables #todo, #chunk, #result and #failed it reads and changes.
CREATE OR ALTER PROCEDURE internal.StoreTransforms
    @RunId INT,                    -- row of dbo.runs
    @Preprocessing NVARCHAR(32),   -- name, or NULL
    @Recipe NVARCHAR(MAX)          -- JSON of how they were made
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    CREATE TABLE #made (place INT NOT NULL PRIMARY KEY, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL);
    UPDATE #result SET error = N'' WHERE error IS NULL;
    INSERT INTO #sent (place, part) SELECT place, 0 FROM #chunk;
    INSERT INTO #came (place, part) SELECT place, 0 FROM #result;
    EXECUTE internal.CheckRows N'places', @RunId;

    BEGIN TRANSACTION;
    INSERT INTO #failed (place, error) SELECT place, error FROM #result WHERE error <> N'';
    INSERT INTO #failed (place, error)
    SELECT c.place, N'It was replaced or removed while the picture was made.'
    FROM #chunk AS c
    INNER JOIN #todo AS t ON t.place = c.place
    LEFT JOIN dbo.scan_images AS i WITH (UPDLOCK, HOLDLOCK) ON i.scan_id = t.scan_id AND i.slice_index = t.slice_index
        AND i.pixels_sha256 = t.sha256
    LEFT JOIN dbo.images AS p WITH (UPDLOCK, HOLDLOCK) ON p.name = t.image_name AND p.sha256 = t.sha256
    WHERE i.scan_id IS NULL AND p.name IS NULL AND c.place NOT IN (SELECT place FROM #failed);
    INSERT INTO #made (place, name)
    SELECT t.place, t.name FROM #todo AS t INNER JOIN #chunk AS c ON c.place = t.place WHERE t.place NOT IN (SELECT place FROM #failed);

    -- Of another version of a source: what was made of that picture goes with it.
    DELETE f FROM dbo.image_features AS f INNER JOIN #made AS m ON m.name = f.name;
    DELETE i FROM dbo.images AS i INNER JOIN #made AS m ON m.name = i.name;
    INSERT INTO dbo.images (name, image, label, sha256, patient_id, group_name, group_order)
    SELECT m.name, CONVERT(VARBINARY(MAX), r.picture, 2), p.label, CONVERT(VARBINARY(32), r.sha256, 2),
        COALESCE(s.patient_id, p.patient_id), p.group_name, p.group_order
    FROM #made AS m
    INNER JOIN #result AS r ON r.place = m.place
    INNER JOIN #todo AS t ON t.place = m.place
    LEFT JOIN dbo.scans AS s ON s.scan_id = t.scan_id
    LEFT JOIN dbo.images AS p ON p.name = t.image_name;
    INSERT INTO dbo.image_labels (name, label)
    SELECT m.name, l.label
    FROM #made AS m
    INNER JOIN #todo AS t ON t.place = m.place
    INNER JOIN dbo.image_labels AS l ON l.name = t.image_name;
    INSERT INTO dbo.image_lineage (image_name, source_scan_id, source_slice, source_image, root_image, source_sha256, preprocessing,
        recipe, digest)
    SELECT m.name, t.scan_id, t.slice_index, t.image_name, COALESCE(l.root_image, t.image_name), t.sha256, @Preprocessing, @Recipe,
        HASHBYTES('SHA2_256', @Recipe)
    FROM #made AS m
    INNER JOIN #todo AS t ON t.place = m.place
    LEFT JOIN dbo.image_lineage AS l ON l.image_name = t.image_name;
    COMMIT TRANSACTION;
    DELETE t FROM #todo AS t INNER JOIN #made AS m ON m.place = t.place;
END;
