-- ChooseSlices: fills #wanted with the slices that maps are made of, those asked for or those of the triples that count most.
-- Called by ExplainRegions, whose table #wanted it fills.
CREATE OR ALTER PROCEDURE internal.ChooseSlices
    @PredictionId INT,    -- an explained score
    @ScanId INT,          -- its scan
    @TopSlices INT,       -- how many slices of the triples that count most
    @Slices NVARCHAR(MAX),-- or which slices, with commas
    @IsVolume BIT         -- 1 takes all slices where none are named: the network reads them as one volume
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Method VARCHAR(16), @Last INT, @Other INT;
    EXECUTE internal.NeedPixels @ScanId;
    IF @Slices IS NULL AND @IsVolume = 1
    BEGIN
        INSERT INTO #wanted (slice_index)
        SELECT slice_index FROM dbo.scan_images WHERE scan_id = @ScanId;
        RETURN 0;
    END;
    IF @Slices IS NULL
    BEGIN
        -- An exact share says more than an estimate, and that more than what leaving a triple out does, which is often nothing.
        SET @Method = (
            SELECT TOP (1) method FROM dbo.score_slices WHERE prediction_id = @PredictionId
            ORDER BY CASE method WHEN 'share' THEN 1 WHEN 'shapley' THEN 2 ELSE 3 END);
        INSERT INTO #wanted (slice_index)
        SELECT TOP (@TopSlices) i.slice_index
        FROM dbo.score_slices AS v
        INNER JOIN dbo.scan_images AS i ON i.scan_id = @ScanId AND i.slice_index / 3 = v.first_slice / 3
        WHERE v.prediction_id = @PredictionId AND v.method = @Method
        ORDER BY ABS(v.value) DESC, v.triple, i.slice_index;
        IF NOT EXISTS (SELECT 1 FROM #wanted)
        BEGIN
            SET @Message = CONCAT(N'The score ', @PredictionId, N' has no values of slices in dbo.score_slices. Give @Slices.');
            THROW 50380, @Message, 1;
        END;
        RETURN 0;
    END;
    SET @Last = (SELECT MAX(slice_index) FROM dbo.scan_images WHERE scan_id = @ScanId);
    SET @Other = (
        SELECT TOP (1) CAST(LTRIM(RTRIM(value)) AS INT) FROM STRING_SPLIT(@Slices, N',')
        WHERE CAST(LTRIM(RTRIM(value)) AS INT) > COALESCE(@Last, -1));
    IF @Other IS NOT NULL
    BEGIN
        SET @Message = CONCAT(N'The scan ', @ScanId, N' has no slice ', @Other, N'. ',
            COALESCE(N'Its slices run from 0 to ' + CAST(@Last AS NVARCHAR(12)) + N'.', N'Load it again: it has none.'));
        THROW 50210, @Message, 1;
    END;
    INSERT INTO #wanted (slice_index)
    SELECT DISTINCT CAST(LTRIM(RTRIM(value)) AS INT) FROM STRING_SPLIT(@Slices, N',');
END;
