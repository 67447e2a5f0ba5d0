-- StoreWork: stores what a worker made of the scans or pictures that it has leased.
-- Example: EXECUTE dbo.StoreWork @Provider = N'CUDAExecutionProvider';
CREATE OR ALTER PROCEDURE dbo.StoreWork
    @Provider NVARCHAR(128) = NULL, -- what the network ran on, for the run's messages
    @CpuSeconds FLOAT = NULL,       -- processor time that the scans took
    @PeakMegabytes FLOAT = NULL,    -- most memory of the worker's process
    @Help BIT = 0                   -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.StoreWork is called by lungdb work after it has filled #result. It stores the features of the leased scans or pictures
in one transaction, as GenerateFeatures and FeaturizeImages do, but for those whose lease another session has taken over, and says
how far the work is.
Parameters:
    @Provider NVARCHAR(128) = NULL  what the network ran on, for the run''s messages
    @CpuSeconds FLOAT = NULL        processor time that the scans took
    @PeakMegabytes FLOAT = NULL     most memory of the worker''s process
    @Help BIT = 0                   1 prints this help and does nothing else
Example:
    EXECUTE dbo.StoreWork @Provider = N''CUDAExecutionProvider'';';
        RETURN 0;
    END;

    IF OBJECT_ID(N'tempdb..#job') IS NULL
        THROW 50463, N'The tables of a worker are not there. lungdb work makes them; call this through it.', 1;
    DECLARE @RunId INT, @WorkId INT, @Worker NVARCHAR(128), @NetworkId INT, @Preprocessing NVARCHAR(32), @Digest VARBINARY(32),
        @Pooling NVARCHAR(128), @Recompute BIT, @Started DATETIME2(3), @Total INT, @Done INT, @Slices INT, @Came DATETIME2(3),
        @ProcedureName NVARCHAR(128);
    SELECT @RunId = run_id, @WorkId = work_id, @Worker = worker, @NetworkId = network_id, @Preprocessing = preprocessing,
        @Digest = digest, @Pooling = pooling, @Recompute = recompute, @Started = started, @Total = total, @Done = done, @Slices = slices,
        @ProcedureName = procedure_name
    FROM #job;
    IF @ProcedureName = N'FeaturizeImages'
    BEGIN
        EXECUTE internal.StoreImageFeatures @RunId, @WorkId, @Worker, @NetworkId;
        EXECUTE internal.ReportFailedImages @RunId;
        EXECUTE internal.ReportImages @RunId, @Provider, @Started, @Total, @CpuSeconds, @PeakMegabytes, @Done OUTPUT;
        UPDATE #job SET done = @Done;
        RETURN 0;
    END;
    EXECUTE internal.StoreFeatures @RunId, @WorkId, @Worker, @NetworkId, @Preprocessing, @Digest, @Pooling, @Recompute, @Came OUTPUT;
    EXECUTE internal.ReportFailedScans @RunId;
    EXECUTE internal.ReportScans @RunId, @Provider, @Started, @Total, @CpuSeconds, @PeakMegabytes, @Done OUTPUT,
        @Slices OUTPUT;
    UPDATE #job SET done = @Done, slices = @Slices;
END;
