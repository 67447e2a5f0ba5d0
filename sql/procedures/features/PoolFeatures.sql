-- PoolFeatures: makes one vector of the features of every scan by a network that reads them in their order.
-- Example: EXECUTE dbo.PoolFeatures @ModelName = N'my_gru', @NetworkName = N'demo_resnet', @Layer = N'penultimate';
CREATE OR ALTER PROCEDURE dbo.PoolFeatures
    @ModelName NVARCHAR(128) = NULL,      -- name of a network that pools, as lungdb load-network --pooling stores it; needed
    @Version INT = NULL,                  -- its version; NULL means the newest
    @NetworkName NVARCHAR(128) = NULL,    -- network whose features are pooled; NULL means default_network, else the only one
    @Layer NVARCHAR(256) = NULL,          -- their layer; NULL means penultimate, else the only one
    @Preprocessing NVARCHAR(32) = NULL,   -- their preprocessing; NULL means lung, else the only one
    @FeatureSetId INT = NULL,             -- or their feature_set_id in dbo.feature_sets
    @Dataset NVARCHAR(128) = NULL,        -- data set whose scans alone are taken; NULL means all scans
    @DatasetVersion INT = NULL,           -- its version; NULL means the newest
    @ChunkMegabytes INT = 64,             -- megabytes of features in one transaction, 1 to 512
    @Recompute BIT = 0,                   -- 1 makes the vectors of every scan again
    @Help BIT = 0                         -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.PoolFeatures runs a network such as a GRU, an LSTM or an attention head over the rows of dbo.features, the triples of
slices or the tiles of a scan in their order, one scan at a time, and stores what it gives in dbo.pooled_features. The pooling is called by
the network''s name, a colon and its version: TrainLungCancerModel @Pooling = N''my_gru:1'' learns from it. GenerateFeatures makes the
features.
It works in chunks, each stored in a transaction of its own: stopped at any point, it goes on there when called again.
Parameters:
    @ModelName NVARCHAR(128) = NULL     name of a network that pools, as lungdb load-network --pooling stores it; needed
    @Version INT = NULL                 its version; NULL means the newest
    @NetworkName NVARCHAR(128) = NULL   network whose features are pooled; NULL means default_network, else the only one
    @Layer NVARCHAR(256) = NULL         their layer; NULL means penultimate, else the only one
    @Preprocessing NVARCHAR(32) = NULL  their preprocessing; NULL means lung, else the only one
    @FeatureSetId INT = NULL            or their feature_set_id in dbo.feature_sets
    @Dataset NVARCHAR(128) = NULL       data set whose scans alone are taken; NULL means all scans
    @DatasetVersion INT = NULL          its version; NULL means the newest
    @ChunkMegabytes INT = 64            megabytes of features in one transaction, 1 to 512
    @Recompute BIT = 0                  1 makes the vectors of every scan again
    @Help BIT = 0                       1 prints this help and does nothing else
Example:
    EXECUTE dbo.PoolFeatures @ModelName = N''my_gru'', @NetworkName = N''demo_resnet'', @Layer = N''penultimate'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @NetworkId INT, @Pooling NVARCHAR(32), @Model VARBINARY(MAX), @Sha256 VARCHAR(64),
        @Details NVARCHAR(MAX), @DatasetVersionId INT, @RunId INT, @Total INT, @Done INT, @Scans INT, @ErrorNumber INT,
        @ErrorMessage NVARCHAR(2000), @Language NVARCHAR(128), @Providers NVARCHAR(400), @Threads INT, @Provider NVARCHAR(128),
        @Notice NVARCHAR(2000), @IsSaid BIT = 0, @CpuSeconds FLOAT, @PeakMegabytes FLOAT;
    IF @ChunkMegabytes IS NULL OR @ChunkMegabytes NOT BETWEEN 1 AND 512
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@ChunkMegabytes AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @ChunkMegabytes is not supported. Supported values are 1 to 512, half of what a script takes. ');
    IF @Recompute IS NULL
        SET @Message = CONCAT(@Message, N'The value NULL for the parameter @Recompute is not supported. Supported values are 0 and 1.');
    IF @Message IS NOT NULL
        THROW 50101, @Message, 1;
    EXECUTE internal.RefuseTransaction N'PoolFeatures';
    EXECUTE internal.ReadSettings @Language OUTPUT, @Providers OUTPUT, @Threads OUTPUT;
    EXECUTE internal.FindScansOfDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    CREATE TABLE #todo (scan_id INT NOT NULL PRIMARY KEY, bytes BIGINT NOT NULL);
    -- The query of a script runs with the caller's rights, who needs none on dbo's tables.
    CREATE TABLE #chunk (scan_id INT NOT NULL PRIMARY KEY, array_rows INT NOT NULL, array_cols INT NOT NULL,
        array VARBINARY(MAX) NOT NULL, sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #failed (scan_id INT NOT NULL PRIMARY KEY, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #result (scan_id INT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL,
        vector NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL);

    EXECUTE internal.FindPoolingNetwork @ModelName, @Version, @NetworkId OUTPUT, @Pooling OUTPUT;
    EXECUTE internal.FindRows @NetworkName, @Layer, @Preprocessing, @FeatureSetId OUTPUT;
    EXECUTE internal.StartPooling @NetworkId, @Pooling, @FeatureSetId, @DatasetVersionId, @Recompute, @RunId OUTPUT, @Total OUTPUT;
    SELECT @Model = model, @Sha256 = CONVERT(VARCHAR(64), sha256, 2), @Details = details FROM dbo.networks WHERE network_id = @NetworkId;
    WHILE EXISTS (SELECT 1 FROM #todo)
    BEGIN
        DELETE FROM #result;
        EXECUTE internal.TakeRows @FeatureSetId, @ChunkMegabytes;
        INSERT INTO #result (scan_id, error, vector)
        EXECUTE sp_execute_external_script
            @language = @Language,
            @script = N'
def main(*arguments):
    from lungdb.procedures import measured, pool_in_order
    return measured(pool_in_order, *arguments)

OutputDataSet, Provider, Notice, ErrorNumber, ErrorMessage, CpuSeconds, PeakMegabytes = main(InputDataSet, Network, Sha256, Details,
    Providers, Threads)
',
            @input_data_1 = N'
SELECT scan_id, array_rows, array_cols, CONVERT(VARCHAR(MAX), array, 2) AS array, CONVERT(VARCHAR(64), sha256, 2) AS sha256
FROM #chunk
ORDER BY scan_id;',
            @params = N'@Network VARBINARY(MAX), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX), @Providers NVARCHAR(400), @Threads INT,
                @Provider NVARCHAR(128) OUTPUT, @Notice NVARCHAR(2000) OUTPUT, @ErrorNumber INT OUTPUT,
                @ErrorMessage NVARCHAR(2000) OUTPUT, @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
            @Network = @Model, @Sha256 = @Sha256, @Details = @Details, @Providers = @Providers, @Threads = @Threads,
            @Provider = @Provider OUTPUT, @Notice = @Notice OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT,
            @ErrorMessage = @ErrorMessage OUTPUT, @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
        IF @ErrorNumber <> 0
            EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
        IF @ErrorNumber <> 0
        BEGIN
            SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
            THROW @ErrorNumber, @Message, 1;
        END;
        IF @Notice <> N'' AND @IsSaid = 0
            EXECUTE internal.ReportStep @RunId, @Notice;
        SET @IsSaid = 1;
        EXECUTE internal.StorePooled @RunId, @NetworkId, @FeatureSetId, @Pooling;
        SET @Scans = (SELECT COUNT(*) FROM #chunk);
        DELETE FROM #todo WHERE scan_id IN (SELECT scan_id FROM #chunk);
        SET @Done = @Total - (SELECT COUNT(*) FROM #todo);
        SET @Message = CONCAT(@Done, N' of ', @Total, N' scans done on ', @Provider, N'.');
        EXECUTE internal.ReportStep @RunId, @Message, @Done, @Total, @Scans, NULL, @Provider, @CpuSeconds, @PeakMegabytes;
    END;
    EXECUTE internal.EndPooling @RunId, @Total, @Pooling;
END;
