-- StoreMaps: stores the maps in #maps in one transaction, unless the scan or its features were replaced meanwhile, and shows them.
-- Called by ExplainRegions, whose table #maps it reads.
CREATE OR ALTER PROCEDURE internal.StoreMaps
    @PredictionId INT,        -- the score
    @ScanId INT,              -- its scan
    @PixelSetId INT,          -- feature set of the slices
    @ArraySha256 VARCHAR(64), -- SHA-256 of the features that the maps were made with
    @Method VARCHAR(16),      -- how they were made
    @IsVolume BIT             -- 1 for a network of volumes, whose slices have a map each
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Locked INT;
    BEGIN TRANSACTION;
    SET @Locked = (SELECT COUNT(*) FROM dbo.scans WITH (UPDLOCK, HOLDLOCK) WHERE scan_id = @ScanId);
    IF NOT EXISTS (
            SELECT 1 FROM dbo.features
            WHERE scan_id = @ScanId AND feature_set_id = @PixelSetId AND CONVERT(VARCHAR(64), sha256, 2) = @ArraySha256)
        OR NOT EXISTS (SELECT 1 FROM dbo.score_explanations WITH (UPDLOCK, HOLDLOCK) WHERE prediction_id = @PredictionId)
    BEGIN
        ROLLBACK TRANSACTION;
        SET @Message = CONCAT(N'The scan ', @ScanId, N', its features or the explanation of its score ', @PredictionId,
            N' were replaced or removed meanwhile. Nothing is stored. Explain its score again.');
        THROW 50232, @Message, 1;
    END;
    -- The slices of a triple have one map, so that an older one of a neighbour, of another grid, goes with it.
    DELETE FROM dbo.score_maps
    WHERE prediction_id = @PredictionId AND method = @Method AND (slice_index IN (SELECT slice_index FROM #maps)
        OR (@IsVolume = 0 AND slice_index / 3 IN (SELECT slice_index / 3 FROM #maps)));
    INSERT INTO dbo.score_maps (prediction_id, slice_index, method, position, first_row, end_row, first_col, end_col, map_rows, map_cols,
        lowest, highest, map, map_sha256)
    SELECT @PredictionId, m.slice_index, @Method, i.position_z, m.first_row, m.end_row, m.first_col, m.end_col, m.map_rows, m.map_cols,
        m.lowest, m.highest, CONVERT(VARBINARY(MAX), m.map, 2), CONVERT(VARBINARY(32), m.sha256, 2)
    FROM #maps AS m
    INNER JOIN dbo.scan_images AS i ON i.scan_id = @ScanId AND i.slice_index = m.slice_index;
    COMMIT TRANSACTION;

    SELECT m.slice_index, m.position, m.method, m.map_rows, m.map_cols, m.lowest, m.highest
    FROM dbo.score_maps AS m
    WHERE m.prediction_id = @PredictionId AND m.method = @Method AND m.slice_index IN (SELECT slice_index FROM #maps)
    ORDER BY m.slice_index;
END;
