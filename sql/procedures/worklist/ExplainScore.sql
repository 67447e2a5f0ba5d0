-- ExplainScore: the former name of RankScore, kept for one version.
-- Example: EXECUTE dbo.ExplainScore @PredictionId = 1;
CREATE OR ALTER PROCEDURE dbo.ExplainScore
    @PredictionId INT = NULL, -- prediction_id of dbo.predictions; needed
    @Help BIT = 0             -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ExplainScore is the former name of dbo.RankScore, which it calls and whose row it returns. It goes with the next
version.
What a score is made of, by feature and slice, is told by dbo.ExplainScans.
Parameters:
    @PredictionId INT = NULL  prediction_id of dbo.predictions; needed
    @Help BIT = 0             1 prints this help and does nothing else
Example:
    EXECUTE dbo.ExplainScore @PredictionId = 1;';
        RETURN 0;
    END;

    RAISERROR(N'dbo.ExplainScore is called dbo.RankScore now; this name goes with the next version. dbo.ExplainScans explains a score.',
        0, 1) WITH NOWAIT;
    EXECUTE dbo.RankScore @PredictionId;
END;
