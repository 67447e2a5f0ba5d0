-- StoreScored: checks that what the script gave back is what it was sent, and stores the scores of the scans that did not fail.
-- Called by PredictPatients, whose tables #wanted and #result it reads, and whose table #scores it fills.
CREATE OR ALTER PROCEDURE internal.StoreScored
    @FeatureSetId INT,      -- feature set of the vectors
    @Pooling NVARCHAR(32),  -- their pooling
    @ClassifierId INT,      -- model that gave the scores
    @Prevalence FLOAT,      -- share of positives that they are corrected to, or NULL
    @RunId INT              -- row of dbo.runs that ends with a refusal
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    CREATE TABLE #measured (scan_id INT NOT NULL PRIMARY KEY, distance FLOAT NULL);

    DECLARE @IsRegression BIT = (
        SELECT CASE task WHEN 'regression' THEN 1 ELSE 0 END FROM dbo.classifiers WHERE classifier_id = @ClassifierId);
    -- A model that was deleted meanwhile is refused by StorePredictions.
    -- Of a vector that changed while the script ran it is not known whether it was read.
    INSERT INTO #came (place, part)
    SELECT r.scan_id, CASE
        WHEN COALESCE(r.error, N'') <> N'' THEN 1
        WHEN @IsRegression IS NULL THEN 1
        WHEN @IsRegression = 1 AND r.raw IS NOT NULL AND r.probability IS NULL THEN 1
        WHEN @IsRegression = 0 AND r.raw BETWEEN 0 AND 1 AND r.probability BETWEEN 0 AND 1 THEN 1
        ELSE 0 END
    FROM #result AS r;
    INSERT INTO #sent (place, part)
    SELECT w.scan_id, 1
    FROM #wanted AS w
    WHERE w.scan_id IN (SELECT place FROM #came) OR EXISTS (
        SELECT 1 FROM dbo.pooled_features AS f
        WHERE f.scan_id = w.scan_id AND f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling AND f.vector_sha256 = w.vector_sha256);
    EXECUTE internal.CheckRows N'scan_ids', @RunId;

    INSERT INTO #scores (scan_id, raw, probability)
    SELECT scan_id, raw, probability FROM #result WHERE COALESCE(error, N'') = N'';
    INSERT INTO #measured (scan_id, distance)
    SELECT scan_id, distance FROM #result WHERE COALESCE(error, N'') = N'';
    BEGIN TRY
        EXECUTE internal.StorePredictions @ClassifierId, @Prevalence, 1;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        SET @Message = ERROR_MESSAGE();
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW;
    END CATCH;
END;
