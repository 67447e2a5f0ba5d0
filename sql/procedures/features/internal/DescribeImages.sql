-- DescribeImages: gives what makes two calls the same work, whatever the order of the layers; the pictures are not of it.
-- Called by StartImages and QueueImages.
CREATE OR ALTER PROCEDURE internal.DescribeImages
    @NetworkId INT,                 -- the network
    @Layer NVARCHAR(256),           -- names of layers with commas
    @Recompute BIT,                 -- 1 makes the features of every picture again
    @Arguments NVARCHAR(MAX) OUTPUT -- JSON
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    SET @Arguments = CONCAT(CAST(N'{"network_id": ' AS NVARCHAR(MAX)), @NetworkId, N', "layer": "', STRING_ESCAPE((
            SELECT STRING_AGG(value, N',') WITHIN GROUP (ORDER BY value) FROM STRING_SPLIT(@Layer, N',')), 'json'),
        N'", "recompute": ', @Recompute, N'}');
END;
