-- RunNetwork: runs a dense network over every scan in #vectors, layer by layer; the margin is the sum of its last unit.
-- Called by ScoreVectors; #margins and #vectors are those of ScoreScansSql.
CREATE OR ALTER PROCEDURE internal.RunNetwork
    @ClassifierId INT, -- model with rows in dbo.dense_layers and dbo.tensors
    @FirstIndex INT    -- where its features begin in the vector
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Network NVARCHAR(128) = CONCAT(N'classifier/', @ClassifierId), @Width INT, @Top INT;
    CREATE TABLE #layers (layer INT NOT NULL PRIMARY KEY, inputs INT NOT NULL, units INT NOT NULL,
        activation NVARCHAR(16) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #weights (layer INT NOT NULL, input INT NOT NULL, unit INT NOT NULL, value FLOAT NOT NULL, velocity FLOAT NOT NULL,
        PRIMARY KEY (layer, input, unit));
    CREATE TABLE #activations (layer INT NOT NULL, example INT NOT NULL, unit INT NOT NULL, value FLOAT NOT NULL,
        PRIMARY KEY (layer, example, unit));

    EXECUTE internal.ReadNetwork @Network;
    SET @Width = (SELECT inputs FROM #layers WHERE layer = 0);
    SET @Top = (SELECT MAX(layer) + 1 FROM #layers);
    SELECT TOP (1) @Message = CONCAT(N'The feature ', feature_index, N' of the scan ', scan_id,
        N' is missing, which a network cannot read. Generate the features of the scan again.')
    FROM #vectors
    WHERE x IS NULL AND feature_index BETWEEN @FirstIndex AND @FirstIndex + @Width - 1
    ORDER BY scan_id, feature_index;
    IF @Message IS NOT NULL
        THROW 50153, @Message, 1;

    INSERT INTO #activations (layer, example, unit, value)
    SELECT 0, scan_id, feature_index - @FirstIndex, x
    FROM #vectors
    WHERE x <> 0 AND feature_index BETWEEN @FirstIndex AND @FirstIndex + @Width - 1
    UNION ALL
    SELECT DISTINCT 0, scan_id, -1, 1 FROM #vectors;
    BEGIN TRY
        EXECUTE internal.ForwardLayers;
    END TRY
    BEGIN CATCH
        -- 8115 and 232 are overflow.
        IF ERROR_NUMBER() NOT IN (232, 8115)
            THROW;
        SET @Message = CONCAT(N'The numbers of the network ''', @Network,
            N''' grow too large over these features. Score with PredictPatients, or train it again.');
        THROW 50176, @Message, 1;
    END CATCH;
    INSERT INTO #margins (scan_id, margin)
    SELECT example, value FROM #activations WHERE layer = @Top AND unit = 0;
END;
