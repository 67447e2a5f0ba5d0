-- StoreLungs: checks that what the script gave back is what it was sent, and stores the lungs of a chunk in one transaction. A scan
-- without lungs, or that was replaced or removed meanwhile, becomes a row of #failed instead.
-- Called by FindLungs, whose tables #chunk and #result it reads and #failed it fills.
CREATE OR ALTER PROCEDURE internal.StoreLungs
    @RunId INT,                    -- row of dbo.runs
    @Method NVARCHAR(128),         -- threshold, or the name of the network
    @Threshold FLOAT,              -- Hounsfield units below which a voxel was air; NULL of a network
    @Rule TINYINT,                 -- version of the rule of finding
    @NetworkSha256 VARBINARY(32)   -- of the network, or NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    -- Not every runtime tells an empty text from NULL.
    UPDATE #result SET error = N'' WHERE error IS NULL;
    -- Of a scan that changed while the script ran it is not known whether its slices were read.
    INSERT INTO #sent (place, part)
    SELECT c.scan_id, 0
    FROM #chunk AS c
    WHERE c.slices > 0 AND (c.scan_id IN (SELECT scan_id FROM #result) OR EXISTS (
        SELECT 1 FROM dbo.scans AS s WHERE s.scan_id = c.scan_id AND s.content_sha256 = c.content_sha256));
    INSERT INTO #came (place, part) SELECT scan_id, 0 FROM #result;
    EXECUTE internal.CheckRows N'scan_ids', @RunId;

    BEGIN TRANSACTION;
    INSERT INTO #failed (scan_id, error)
    SELECT c.scan_id, N'It was replaced or removed while its lungs were found. Call FindLungs again.'
    FROM #chunk AS c
    LEFT JOIN dbo.scans AS s WITH (UPDLOCK, HOLDLOCK) ON s.scan_id = c.scan_id AND s.content_sha256 = c.content_sha256
    WHERE s.scan_id IS NULL;
    INSERT INTO #failed (scan_id, error)
    SELECT c.scan_id, CASE WHEN c.slices < 0 THEN N'Its slices are more than 1 GB as they are sent to the script.'
            ELSE COALESCE(r.error, N'No slices are stored. Load the scan again.') END
    FROM #chunk AS c
    LEFT JOIN #result AS r ON r.scan_id = c.scan_id AND r.error <> N''
    WHERE (r.scan_id IS NOT NULL OR c.slices <= 0) AND c.scan_id NOT IN (SELECT scan_id FROM #failed);

    -- Also of a scan that failed: what an earlier call has found is not what this one would store.
    DELETE FROM dbo.lung_masks WHERE method = @Method AND scan_id IN (SELECT scan_id FROM #chunk);
    INSERT INTO dbo.lung_masks (
        scan_id, method, threshold, rule_version, network_sha256, content_sha256, millilitres, first_slice, last_slice,
        first_row, last_row, first_col, last_col, mask, mask_sha256, dice)
    SELECT r.scan_id, @Method, @Threshold, CASE WHEN @NetworkSha256 IS NULL THEN @Rule END, @NetworkSha256, c.content_sha256,
        r.millilitres, r.first_slice, r.last_slice, r.first_row, r.last_row, r.first_col, r.last_col,
        CONVERT(VARBINARY(MAX), r.mask, 2), CONVERT(VARBINARY(32), r.sha256, 2),
        CASE WHEN r.dice >= 0 THEN r.dice END
    FROM #result AS r
    INNER JOIN #chunk AS c ON c.scan_id = r.scan_id
    WHERE r.error = N'' AND r.scan_id NOT IN (SELECT scan_id FROM #failed);
    COMMIT TRANSACTION;
END;
