-- ReportLostItems: says how much of a chunk was not stored because this session holds it no more.
-- Called by StoreFeatures, StoreImageFeatures and StoreExplanations after their transactions; reads the table #queue of whoever works.
CREATE OR ALTER PROCEDURE internal.ReportLostItems
    @RunId INT,            -- row of dbo.runs
    @What NVARCHAR(20)     -- scans, pictures or scores
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Lost INT = (SELECT COUNT(*) FROM #queue WHERE state = 'lost');
    IF @Lost = 0
        RETURN 0;
    SET @Message = CONCAT(@Lost, N' ', @What, N' of this chunk are not stored here: their lease has ended, and another session has taken ',
        N'or may take them.');
    EXECUTE internal.ReportStep @RunId, @Message;
END;
