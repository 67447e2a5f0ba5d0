-- DropWork: takes a work out of the queue, such as one that was set aside.
-- Example: EXECUTE dbo.DropWork @WorkId = 12;
CREATE OR ALTER PROCEDURE dbo.DropWork
    @WorkId INT = NULL, -- row of dbo.work, as QueueFeatures or QueueImages gave it; needed
    @Help BIT = 0       -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.DropWork deletes a row of dbo.work and its items in dbo.work_items. No feature is deleted. Who is at it ends with
error 50461 after its present chunk, which is not stored; nobody has to wait for it. It returns a row: work_id, and how many
of its items were not done.
Parameters:
    @WorkId INT = NULL  row of dbo.work, as QueueFeatures or QueueImages gave it; needed
    @Help BIT = 0       1 prints this help and does nothing else
Example:
    EXECUTE dbo.DropWork @WorkId = 12;';
        RETURN 0;
    END;

    DECLARE @Locked INT, @Left INT, @Message NVARCHAR(2000);
    BEGIN TRANSACTION;
    SET @Locked = (SELECT COUNT(*) FROM dbo.work WITH (UPDLOCK, HOLDLOCK));
    IF NOT EXISTS (SELECT 1 FROM dbo.work WHERE work_id = @WorkId)
    BEGIN
        ROLLBACK TRANSACTION;
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@WorkId AS NVARCHAR(12)), N'NULL'), N' for the parameter @WorkId is not ',
            N'supported. Supported are the rows of dbo.work.');
        THROW 50101, @Message, 1;
    END;
    SET @Left = (SELECT COUNT(*) FROM dbo.work_items WHERE work_id = @WorkId AND state <> 'done');
    DELETE FROM dbo.work WHERE work_id = @WorkId;
    COMMIT TRANSACTION;
    SELECT @WorkId AS work_id, @Left AS dropped;
END;
