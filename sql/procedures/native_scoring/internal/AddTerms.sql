-- AddTerms: adds the terms of a logistic regression for every scan.
-- Called by ScoreScansSql, whose table #margins it fills and #vectors it reads.
CREATE OR ALTER PROCEDURE internal.AddTerms
    @ClassifierId INT -- model with rows in dbo.model_coefficients
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    SELECT TOP (1) @Message = CONCAT(N'The feature ', feature_index, N' of the scan ', scan_id,
        N' is missing, which a logistic regression cannot read. Generate the features of the scan again.')
    FROM #vectors
    WHERE x IS NULL
    ORDER BY scan_id, feature_index;
    IF @Message IS NOT NULL
        THROW 50153, @Message, 1;

    INSERT INTO #margins (scan_id, margin)
    SELECT v.scan_id, MAX(s.intercept) + SUM((v.x - c.mean) / c.scale * c.coefficient)
    FROM #vectors AS v
    INNER JOIN dbo.model_coefficients AS c ON c.feature_index = v.feature_index
    INNER JOIN dbo.model_scoring AS s ON s.classifier_id = c.classifier_id
    WHERE c.classifier_id = @ClassifierId
    GROUP BY v.scan_id;
END;
