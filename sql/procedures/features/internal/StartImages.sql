-- StartImages: takes part in the work of these features, finds the pictures that lack some, and puts them into the queue.
-- Called by FeaturizeImages, whose tables #layers, #todo and #queue it fills.
CREATE OR ALTER PROCEDURE internal.StartImages
    @NetworkId INT,               -- the network
    @Layer NVARCHAR(256),         -- names of layers with commas
    @Recompute BIT,               -- 1 takes every picture
    @DatasetVersionId INT,        -- version of a data set to stay within, or NULL for all pictures
    @WorkId INT OUTPUT,           -- row of dbo.work
    @Worker NVARCHAR(128) OUTPUT  -- name of this session
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Arguments NVARCHAR(MAX);
    EXECUTE internal.DescribeImages @NetworkId, @Layer, @Recompute, @Arguments OUTPUT;
    EXECUTE internal.NumberLayers @Layer;
    EXECUTE internal.JoinWork N'FeaturizeImages', @Arguments, @WorkId OUTPUT, @Worker OUTPUT;
    EXECUTE internal.FindImagesToDo @NetworkId, @Recompute, @DatasetVersionId;
    EXECUTE internal.EnqueueImages @WorkId;
END;
