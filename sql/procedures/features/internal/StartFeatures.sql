-- StartFeatures: takes part in the work of these features, finds what is to be done of it, puts that into the queue, and begins the run.
-- Called by GenerateFeatures, whose tables #layers, #todo and #queue it fills.
CREATE OR ALTER PROCEDURE internal.StartFeatures
    @NetworkId INT,                -- the network
    @Layer NVARCHAR(256),          -- names of layers with commas
    @Preprocessing NVARCHAR(32),   -- one of dbo.preprocessings
    @Digest VARBINARY(32),         -- its digest
    @Pooling NVARCHAR(128),        -- poolings with commas
    @Recompute BIT,                -- 1 makes the features of every scan again
    @DatasetVersionId INT,         -- version of a data set to stay within, or NULL for all scans
    @KeepMaps BIT,                 -- 1 keeps maps too
    @WorkId INT OUTPUT,            -- row of dbo.work
    @Worker NVARCHAR(128) OUTPUT,  -- name of this session
    @RunId INT OUTPUT,             -- row of dbo.runs
    @Total INT OUTPUT,             -- scans to do
    @Rows INT OUTPUT,              -- rows of the pictures
    @Cols INT OUTPUT,              -- columns of the pictures
    @Bound BIGINT OUTPUT           -- bytes of prepared pictures to keep at most
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Arguments NVARCHAR(MAX), @Name NVARCHAR(128), @Details NVARCHAR(MAX),
        @Dataset NVARCHAR(128), @Given NVARCHAR(4000), @Apart INT;
    SELECT @Name = name, @Details = details FROM dbo.networks WHERE network_id = @NetworkId;
    EXECUTE internal.NumberLayers @Layer;
    IF @KeepMaps = 1
        EXECUTE internal.PlanMaps @NetworkId, @Layer, @Preprocessing, @DatasetVersionId;
    EXECUTE internal.DescribeFeatures @NetworkId, @Layer, @Preprocessing, @Digest, @Pooling, @Recompute, @Arguments OUTPUT;
    EXECUTE internal.JoinWork N'GenerateFeatures', @Arguments, @WorkId OUTPUT, @Worker OUTPUT;
    EXECUTE internal.FindScansToDo @NetworkId, @Preprocessing, @Pooling, @Recompute, @DatasetVersionId, @Apart OUTPUT;
    EXECUTE internal.PlanPictures @Preprocessing, @Details, @Rows OUTPUT, @Cols OUTPUT, @Bound OUTPUT;
    EXECUTE internal.QueueScans @WorkId;
    SET @Total = (SELECT COUNT(*) FROM #todo);
    SET @Message = CONCAT(@Name, N', layer ', @Layer, N', preprocessing ', @Preprocessing, N', pooling ', @Pooling, N': ', @Total,
        N' scans to do.', N' ' + CAST(NULLIF(@Apart, 0) AS NVARCHAR(12)) + N' scans are left out, because their pixels are not in this '
        + N'database: lungdb load-features or load-scans brings what they lack.');
    SET @Dataset = (
        SELECT d.name
        FROM dbo.dataset_versions AS v
        INNER JOIN dbo.datasets AS d ON d.dataset_id = v.dataset_id
        WHERE v.dataset_version_id = @DatasetVersionId);
    SET @Given = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.network', @Name), N'$.layer',
        @Layer), N'$.preprocessing', @Preprocessing), N'$.pooling', @Pooling), N'$.dataset', @Dataset), N'$.recompute', @Recompute);
    EXECUTE internal.StartRun N'GenerateFeatures', @RunId OUTPUT, @Given;
    EXECUTE internal.ReportStep @RunId, @Message, 0, @Total;
END;
