-- StoreImageFeatures: checks that what the script gave back is what it was sent, and stores the pictures that did not fail, in one
-- transaction. A picture that was replaced or removed meanwhile, or that failed, becomes a row of #failed instead.
-- Nothing is stored of a picture that this session holds no more.
-- Called by FeaturizeImages and StoreWork, whose tables #layers, #queue, #chunk and #result it reads and changes, and #failed it fills.
CREATE OR ALTER PROCEDURE internal.StoreImageFeatures
    @RunId INT,             -- row of dbo.runs
    @WorkId INT,            -- row of dbo.work
    @Worker NVARCHAR(128),  -- name of this session
    @NetworkId INT          -- the network that made them
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Number INT;
    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    CREATE TABLE #made (place INT NOT NULL PRIMARY KEY, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL);

    -- Not every runtime tells an empty text from NULL.
    UPDATE #result SET error = N'' WHERE error IS NULL;
    -- Of a picture that changed while the script ran it is not known whether it was read.
    INSERT INTO #came (place, part)
    SELECT place, layer FROM #result;
    INSERT INTO #sent (place, part)
    SELECT c.place, l.layer
    FROM #chunk AS c
    CROSS JOIN #layers AS l
    WHERE c.bytes <= 1073741824 AND c.place NOT IN (SELECT place FROM #result WHERE error <> N'')
        AND (c.place IN (SELECT place FROM #came) OR EXISTS (
            SELECT 1 FROM dbo.images AS i WHERE i.name = c.name AND i.sha256 = c.sha256));
    INSERT INTO #sent (place, part)
    SELECT place, 0 FROM #chunk WHERE place IN (SELECT place FROM #result WHERE error <> N'');
    EXECUTE internal.CheckRows N'pictures of the chunk', @RunId;

    BEGIN TRANSACTION;
    EXECUTE internal.HoldItems @WorkId, @Worker;
    DELETE FROM #result
    WHERE place IN (SELECT c.place FROM #chunk AS c INNER JOIN #queue AS q ON q.item = c.name AND q.state = 'lost');
    DELETE FROM #chunk WHERE name IN (SELECT item FROM #queue WHERE state = 'lost');
    INSERT INTO #failed (name, error, is_new)
    SELECT c.name, N'It was replaced or removed while its features were made, so they are not stored.', 1
    FROM #chunk AS c
    LEFT JOIN dbo.images AS i WITH (UPDLOCK, HOLDLOCK) ON i.name = c.name AND i.sha256 = c.sha256
    WHERE i.name IS NULL;
    INSERT INTO #failed (name, error, is_new)
    SELECT c.name, COALESCE(r.error, N'Its file is more than 1 GB as it is sent to the script.'), 1
    FROM #chunk AS c
    LEFT JOIN #result AS r ON r.place = c.place AND r.error <> N''
    WHERE (r.place IS NOT NULL OR c.bytes > 1073741824) AND c.name NOT IN (SELECT name FROM #failed);
    INSERT INTO #made (place, name)
    SELECT place, name FROM #chunk WHERE name NOT IN (SELECT name FROM #failed);

    IF NOT EXISTS (SELECT 1 FROM dbo.networks WITH (UPDLOCK, HOLDLOCK) WHERE network_id = @NetworkId)
        SELECT @Number = 50232, @Message = N'The network was deleted while the features were made. Load it again, or take another one.';
    SELECT TOP (1) @Number = 50110, @Message = CONCAT(N'The feature set ', s.feature_set_id, N' is recorded with ', s.width,
        N' features, and the network gives ', r.array_cols, N'. Correct its width in dbo.feature_sets.')
    FROM #result AS r
    INNER JOIN #layers AS l ON l.layer = r.layer
    INNER JOIN dbo.feature_sets AS s ON s.network_id = @NetworkId AND s.layer = l.name AND s.preprocessing = N'image'
    WHERE r.error = N'' AND s.width <> r.array_cols;
    IF @Message IS NOT NULL
    BEGIN
        ROLLBACK TRANSACTION;
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW @Number, @Message, 1;
    END;

    INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width)
    SELECT DISTINCT @NetworkId, l.name, N'image', r.array_cols
    FROM #result AS r
    INNER JOIN #made AS m ON m.place = r.place
    INNER JOIN #layers AS l ON l.layer = r.layer
    WHERE NOT EXISTS (
        SELECT 1 FROM dbo.feature_sets AS s WITH (UPDLOCK, HOLDLOCK)
        WHERE s.network_id = @NetworkId AND s.layer = l.name AND s.preprocessing = N'image');

    DELETE f
    FROM dbo.image_features AS f
    INNER JOIN dbo.feature_sets AS s ON s.feature_set_id = f.feature_set_id
    INNER JOIN #layers AS l ON l.name = s.layer
    INNER JOIN #made AS m ON m.name = f.name
    WHERE s.network_id = @NetworkId AND s.preprocessing = N'image';

    INSERT INTO dbo.image_features (name, feature_set_id, array_rows, array_cols, array, sha256)
    SELECT m.name, s.feature_set_id, r.array_rows, r.array_cols,
        CONVERT(VARBINARY(MAX), r.array, 2), CONVERT(VARBINARY(32), r.sha256, 2)
    FROM #result AS r
    INNER JOIN #made AS m ON m.place = r.place
    INNER JOIN #layers AS l ON l.layer = r.layer
    INNER JOIN dbo.feature_sets AS s ON s.network_id = @NetworkId AND s.layer = l.name AND s.preprocessing = N'image';
    UPDATE q
    SET q.state = 'failed', q.error_number = 50120, q.error = f.error
    FROM #queue AS q
    INNER JOIN #failed AS f ON f.name = q.item
    WHERE q.state = 'held';
    EXECUTE internal.SettleItems @WorkId;
    COMMIT TRANSACTION;
    EXECUTE internal.ReportLostItems @RunId, N'pictures';
END;
