-- DescribeFeatures: gives what makes two calls the same work, whatever the order of layers and poolings; the scans are not of it.
-- Called by StartFeatures and QueueFeatures.
CREATE OR ALTER PROCEDURE internal.DescribeFeatures
    @NetworkId INT,                -- the network
    @Layer NVARCHAR(256),          -- names of layers with commas
    @Preprocessing NVARCHAR(32),   -- one of dbo.preprocessings
    @Digest VARBINARY(32),         -- its digest
    @Pooling NVARCHAR(128),        -- poolings with commas
    @Recompute BIT,                -- 1 makes the features of every scan again
    @Arguments NVARCHAR(MAX) OUTPUT -- JSON
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    SET @Arguments = CONCAT(CAST(N'{"network_id": ' AS NVARCHAR(MAX)), @NetworkId, N', "layer": "', STRING_ESCAPE((
            SELECT STRING_AGG(value, N',') WITHIN GROUP (ORDER BY value) FROM STRING_SPLIT(@Layer, N',')), 'json'),
        N'", "preprocessing": "', STRING_ESCAPE(@Preprocessing, 'json'), N'", "digest": "', CONVERT(VARCHAR(64), @Digest, 2),
        N'", "pooling": "', STRING_ESCAPE((
            SELECT STRING_AGG(value, N',') WITHIN GROUP (ORDER BY value) FROM STRING_SPLIT(@Pooling, N',')), 'json'),
        N'", "recompute": ', @Recompute, N'}');
END;
