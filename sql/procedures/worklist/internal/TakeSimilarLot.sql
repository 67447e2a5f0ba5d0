-- TakeSimilarLot: fills #lot with the stored arrays of a lot of #lots: of scans, or of pictures.
-- Called by FindSimilarRows, whose tables these are.
CREATE OR ALTER PROCEDURE internal.TakeSimilarLot
    @FeatureSetId INT,  -- feature set of the arrays
    @Lot INT            -- the lot
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DELETE FROM #lot;
    INSERT INTO #lot (place, array_rows, array_cols, array, sha256)
    SELECT c.place, f.array_rows, f.array_cols, f.array, f.sha256
    FROM #lots AS t
    INNER JOIN #compared AS c ON c.place = t.place
    INNER JOIN dbo.features AS f ON f.scan_id = c.scan_id AND f.feature_set_id = @FeatureSetId
    WHERE t.lot = @Lot;
    INSERT INTO #lot (place, array_rows, array_cols, array, sha256)
    SELECT c.place, f.array_rows, f.array_cols, f.array, f.sha256
    FROM #lots AS t
    INNER JOIN #compared AS c ON c.place = t.place
    INNER JOIN dbo.image_features AS f ON f.name = c.name AND f.feature_set_id = @FeatureSetId
    WHERE t.lot = @Lot;
END;
