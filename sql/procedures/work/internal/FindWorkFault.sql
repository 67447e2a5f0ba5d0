-- FindWorkFault: says why a work can be done by nobody, or gives NULL: its network or preprocessing is no more, or what it asks for is
-- refused. What the machine of a worker lacks is no fault of the work.
-- Called by StartJob.
CREATE OR ALTER PROCEDURE internal.FindWorkFault
    @WorkId INT,                    -- row of dbo.work
    @Number INT OUTPUT,             -- number of the error
    @Fault NVARCHAR(2000) OUTPUT    -- why
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Arguments NVARCHAR(MAX), @NetworkId INT, @Layer NVARCHAR(256), @Preprocessing NVARCHAR(32), @Digest VARCHAR(64),
        @Pooling NVARCHAR(128);
    SELECT @Number = NULL, @Fault = NULL, @Arguments = (SELECT arguments FROM dbo.work WHERE work_id = @WorkId);
    SELECT @NetworkId = CAST(JSON_VALUE(@Arguments, N'$.network_id') AS INT), @Layer = JSON_VALUE(@Arguments, N'$.layer'),
        @Preprocessing = JSON_VALUE(@Arguments, N'$.preprocessing'), @Digest = JSON_VALUE(@Arguments, N'$.digest'),
        @Pooling = JSON_VALUE(@Arguments, N'$.pooling');
    IF @Preprocessing IS NOT NULL
        EXECUTE internal.FindFeatureFaults @Layer, @Preprocessing, @Pooling, @Fault OUTPUT;
    SELECT @Number = 50101, @Fault = NULLIF(RTRIM(@Fault), N'');
    IF @Preprocessing IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM dbo.preprocessings WHERE name = @Preprocessing AND CONVERT(VARCHAR(64), digest, 2) = @Digest)
        SELECT @Number = 50391, @Fault = CONCAT(N'The preprocessing ''', @Preprocessing,
            N''' was deleted since, or has other steps. Store it again, or queue with another one.');
    IF NOT EXISTS (SELECT 1 FROM dbo.networks WHERE network_id = @NetworkId)
        SELECT @Number = 50102, @Fault = N'The network was deleted since. Load it again, or queue with another one.';
END;
