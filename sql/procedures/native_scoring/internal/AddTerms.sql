-- AddTerms: adds the terms of a logistic regression for every scan.
-- Called by ScoreVectors; #margins, which it fills, and #vectors are those of ScoreScansSql.
CREATE OR ALTER PROCEDURE internal.AddTerms
    @ClassifierId INT, -- model with rows in dbo.model_coefficients
    @FirstIndex INT    -- where its features begin in the vector
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Width INT = (SELECT width FROM dbo.model_scoring WHERE classifier_id = @ClassifierId);
    SELECT TOP (1) @Message = CONCAT(N'The feature ', feature_index, N' of the scan ', scan_id,
        N' is missing, which a logistic regression cannot read. Generate the features of the scan again.')
    FROM #vectors
    WHERE x IS NULL AND feature_index BETWEEN @FirstIndex AND @FirstIndex + @Width - 1
    ORDER BY scan_id, feature_index;
    IF @Message IS NOT NULL
        THROW 50153, @Message, 1;

    INSERT INTO #margins (scan_id, margin)
    SELECT v.scan_id, MAX(s.intercept) + SUM((v.x - c.mean) / c.scale * c.coefficient)
    FROM #vectors AS v
    INNER JOIN dbo.model_coefficients AS c ON c.feature_index = v.feature_index - @FirstIndex
    INNER JOIN dbo.model_scoring AS s ON s.classifier_id = c.classifier_id
    WHERE c.classifier_id = @ClassifierId
    GROUP BY v.scan_id;
END;
