-- RefuseTransaction: refuses a call inside a transaction, of procedures that commit part by part.
-- Called by ScoreNewScans and the other procedures that jobs call.
CREATE OR ALTER PROCEDURE internal.RefuseTransaction
    @Name NVARCHAR(128) -- the procedure that was called
AS
BEGIN
    SET NOCOUNT ON;

    DECLARE @Message NVARCHAR(2000) = CONCAT(@Name, N' was called inside a transaction. It commits part by part: commit or roll back ',
        N'first, then call it again.');
    IF @@TRANCOUNT > 0
        THROW 50100, @Message, 1;
END;
