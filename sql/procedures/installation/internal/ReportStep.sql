-- ReportStep: says how far a run is: as a message at once, and as a row of dbo.run_steps for other connections.
-- Inside a transaction the row is seen only when that ends, so runs call this outside of theirs.
-- Called by GenerateFeatures and every other procedure that called StartRun.
CREATE OR ALTER PROCEDURE internal.ReportStep
    @RunId INT,                -- row of dbo.runs
    @Message NVARCHAR(2000),   -- what to say
    @Done INT = NULL,          -- how much is done, or NULL where nothing is counted
    @Total INT = NULL          -- of how much
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    RAISERROR(N'%s', 0, 1, @Message) WITH NOWAIT;
    BEGIN TRANSACTION;
    UPDATE dbo.runs SET done = COALESCE(@Done, done), total = COALESCE(@Total, total) WHERE run_id = @RunId;
    -- Whoever has the run deleted its row may do so: then nothing is recorded.
    INSERT INTO dbo.run_steps (run_id, step, message, done, total)
    SELECT r.run_id, 1 + COALESCE((SELECT MAX(s.step) FROM dbo.run_steps AS s WITH (UPDLOCK, HOLDLOCK) WHERE s.run_id = r.run_id), 0),
        @Message, @Done, @Total
    FROM dbo.runs AS r
    WHERE r.run_id = @RunId;
    COMMIT TRANSACTION;
END;
