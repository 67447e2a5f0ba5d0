-- TakeImageUnits: fills #units with what is told apart, pictures or groups of them, #members with their pictures in order, and #known with
-- their classes; refuses groups whose pictures do not agree. Called by TrainImageClassifier and PredictImages, whose tables these are.
CREATE OR ALTER PROCEDURE internal.TakeImageUnits
    @DatasetVersionId INT,  -- the data set; NULL for every picture
    @FeatureSetId INT,      -- features of the pictures
    @Pooling NVARCHAR(32),  -- none takes every picture alone, anything else the groups
    @NeedsLabels BIT,       -- 1 leaves out what has no label
    @SkipMissing BIT        -- 1 leaves out pictures without features
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Wrong NVARCHAR(128), @Count INT;
    INSERT INTO #members (name, is_group, unit_name, group_order, sha256, source, part)
    SELECT i.name, CASE WHEN i.group_name IS NULL OR @Pooling = N'none' THEN 0 ELSE 1 END,
        CASE WHEN i.group_name IS NULL OR @Pooling = N'none' THEN i.name ELSE i.group_name END, i.group_order, i.sha256, s.source, s.part
    FROM dbo.images AS i
    INNER JOIN dbo.image_sources AS s ON s.name = i.name
    WHERE @DatasetVersionId IS NULL OR i.name IN (
        SELECT m.image_name FROM dbo.dataset_members AS m WHERE m.dataset_version_id = @DatasetVersionId)
    OPTION (RECOMPILE);
    INSERT INTO #units (is_group, name, source, part)
    SELECT is_group, unit_name, MIN(source), MIN(part) FROM #members GROUP BY is_group, unit_name ORDER BY is_group, unit_name;
    UPDATE m SET unit = u.unit FROM #members AS m INNER JOIN #units AS u ON u.is_group = m.is_group AND u.name = m.unit_name;

    -- Pictures of a group that have labels have the same ones.
    SET @Wrong = (
        SELECT MIN(w.unit_name)
        FROM (
            SELECT m.unit_name
            FROM #members AS m
            LEFT JOIN (
                SELECT t.name, STRING_AGG(CAST(t.label AS VARCHAR(MAX)), ',') WITHIN GROUP (ORDER BY t.label) AS labels
                FROM dbo.image_truth AS t
                GROUP BY t.name) AS k ON k.name = m.name
            GROUP BY m.is_group, m.unit_name
            HAVING MIN(k.labels) <> MAX(k.labels) OR MIN(m.source) <> MAX(m.source)) AS w);
    IF @Wrong IS NOT NULL
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The pictures of the group ''', @Wrong,
            N''' have different labels, or come from different patients. ',
            N'Correct dbo.images, or take every picture alone with @Pooling = N''none''.'), N'%', N'%%');
        THROW 50301, @Message, 1;
    END;
    INSERT INTO #known (unit, label)
    SELECT DISTINCT m.unit, t.label FROM #members AS m INNER JOIN dbo.image_truth AS t ON t.name = m.name;

    IF @NeedsLabels = 1
    BEGIN
        DELETE FROM #members WHERE unit NOT IN (SELECT unit FROM #known);
        SET @Count = (SELECT COUNT(*) FROM #units WHERE unit NOT IN (SELECT unit FROM #known));
        DELETE FROM #units WHERE unit NOT IN (SELECT unit FROM #known);
        IF @Count > 0
            RAISERROR(N'%d pictures or groups without a label are left out.', 0, 1, @Count) WITH NOWAIT;
    END;

    SET @Count = (SELECT COUNT(*) FROM #members AS m WHERE NOT EXISTS (
        SELECT 1 FROM dbo.image_features AS f WHERE f.name = m.name AND f.feature_set_id = @FeatureSetId));
    IF @Count > 0 AND @SkipMissing = 0
    BEGIN
        SET @Message = CONCAT(@Count, N' pictures have no features of this kind. ',
            N'Call FeaturizeImages, or leave them out with @SkipMissing = 1.');
        THROW 50140, @Message, 1;
    END;
    IF @Count > 0
        RAISERROR(N'%d pictures without features are left out.', 0, 1, @Count) WITH NOWAIT;
    DELETE m FROM #members AS m WHERE NOT EXISTS (
        SELECT 1 FROM dbo.image_features AS f WHERE f.name = m.name AND f.feature_set_id = @FeatureSetId);
    DELETE FROM #known WHERE unit NOT IN (SELECT unit FROM #members);
    DELETE FROM #units WHERE unit NOT IN (SELECT unit FROM #members);

    UPDATE m
    SET place = p.place, source_number = p.source_number
    FROM #members AS m
    INNER JOIN (
        SELECT name, ROW_NUMBER() OVER (ORDER BY unit, group_order, name) AS place, DENSE_RANK() OVER (ORDER BY source) AS source_number
        FROM #members) AS p ON p.name = m.name;
    UPDATE u
    SET content_sha256 = h.content_sha256
    FROM #units AS u
    INNER JOIN (
        SELECT m.unit, CASE WHEN MAX(m.is_group) = 0 THEN MAX(m.sha256) ELSE HASHBYTES('SHA2_256',
            STRING_AGG(CAST(CONVERT(VARCHAR(64), m.sha256, 2) AS VARCHAR(MAX)), '') WITHIN GROUP (ORDER BY m.place)) END AS content_sha256
        FROM #members AS m
        GROUP BY m.unit) AS h ON h.unit = u.unit;
END;
