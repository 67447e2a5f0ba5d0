-- TakeServed: fills #served with the versions that the models' names serve, or with that of one name, in alphabetical order.
-- Called by ScoreNewScans, ScoreNewScansSql, CheckServedDrift, GenerateNewFeatures and QueueNewFeatures, whose table #served it fills.
CREATE OR ALTER PROCEDURE internal.TakeServed
    @ModelName NVARCHAR(128) -- name of a model in dbo.classifiers, or NULL for all
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    INSERT INTO #served (place, name, classifier_id, version)
    SELECT ROW_NUMBER() OVER (ORDER BY name), name, classifier_id, version
    FROM dbo.served_models
    WHERE @ModelName IS NULL OR name = @ModelName
    OPTION (RECOMPILE);
    IF @ModelName IS NOT NULL AND NOT EXISTS (SELECT 1 FROM #served)
    BEGIN
        SET @Message = REPLACE(CONCAT(N'There is no trained model named ''', @ModelName, N'''. Take another, or NULL for all; see ',
            N'dbo.model_status.'), N'%', N'%%');
        THROW 50108, @Message, 1;
    END;
    IF NOT EXISTS (SELECT 1 FROM #served)
        RAISERROR(N'There is no trained model yet.', 0, 1) WITH NOWAIT;
END;
