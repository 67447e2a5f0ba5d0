-- FindStagedFaults: says what of a load's rows in dbo.staged_features cannot be stored, or gives NULL.
-- Called by StoreStagedFeatures, inside its transaction.
CREATE OR ALTER PROCEDURE internal.FindStagedFaults
    @LoadId CHAR(32),               -- load_id of the rows
    @NetworkId INT,                 -- the network
    @Preprocessing NVARCHAR(32),    -- one of dbo.preprocessings
    @Digest VARBINARY(32),          -- its digest, or NULL
    @Rows INT,                      -- how many rows there are
    @Number INT OUTPUT,             -- number of the error, or NULL
    @Message NVARCHAR(2000) OUTPUT  -- what is wrong
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Found INT, @Known INT;
    SELECT @Number = NULL, @Message = NULL;
    SELECT @Found = COUNT(*), @Known = COUNT(s.scan_id)
    FROM dbo.staged_features AS r
    LEFT JOIN dbo.scans AS s ON s.series_uid = r.series_uid AND s.content_sha256 = r.content_sha256
    WHERE r.load_id = @LoadId;
    IF @Found <> @Rows
        SELECT @Number = 50155, @Message = CONCAT(@Found, N' rows of the load are in dbo.staged_features, not ', @Rows,
            N': another session has deleted some, or they arrived in part. Load again.');
    ELSE IF @Known <> @Rows
        SELECT @Number = 50232, @Message = CONCAT(@Rows - @Known,
            N' rows of the load are of scans that are not there, or not with these slices. Load again.');
    ELSE IF NOT EXISTS (SELECT 1 FROM dbo.networks WITH (UPDLOCK, HOLDLOCK) WHERE network_id = @NetworkId)
        SELECT @Number = 50232, @Message = N'The network was deleted meanwhile. Load it again with lungdb load-network.';
    ELSE IF NOT EXISTS (
            SELECT 1 FROM dbo.preprocessings WITH (UPDLOCK, HOLDLOCK)
            WHERE name = @Preprocessing AND (@Digest IS NULL OR digest = @Digest))
        SELECT @Number = 50232, @Message = N'The preprocessing was deleted meanwhile, or has other steps. Store it again.';
    IF @Number IS NULL
        SELECT TOP (1) @Number = 50472, @Message = CONCAT(N'The array of row ', r.place,
            N' of the load is not that of its SHA-256, or has not ', r.array_rows, N' x ', r.array_cols, N' numbers. Load again.')
        FROM dbo.staged_features AS r
        WHERE r.load_id = @LoadId AND (r.array_rows < 1 OR r.array_cols < 1 OR HASHBYTES('SHA2_256', r.array) <> r.sha256
            OR DATALENGTH(r.array) <> CAST(4 AS BIGINT) * r.array_rows * r.array_cols)
        ORDER BY r.place;
    IF @Number IS NULL
        SELECT TOP (1) @Number = 50110, @Message = CONCAT(N'The feature set ', s.feature_set_id, N' is recorded with ', s.width,
            N' features, and row ', r.place, N' of the load has ', r.array_cols, N'. Correct its width in dbo.feature_sets.')
        FROM dbo.staged_features AS r
        INNER JOIN dbo.feature_sets AS s ON s.network_id = @NetworkId AND s.layer = r.layer AND s.preprocessing = @Preprocessing
        WHERE r.load_id = @LoadId AND s.width <> r.array_cols
        ORDER BY r.place;
    IF @Number IS NULL
        SELECT TOP (1) @Number = 50101, @Message = CONCAT(N'Row ', r.place, N' of the load has vectors of the pooling ''',
            LEFT(v.[key], 100), N''', which dbo.poolings does not have. Register it with RegisterExtensions, or leave it out.')
        FROM dbo.staged_features AS r
        CROSS APPLY OPENJSON(r.pooled) AS v
        -- Keys have a collation of their own.
        WHERE r.load_id = @LoadId AND (v.[key] = N'combined'
            OR v.[key] COLLATE DATABASE_DEFAULT NOT IN (SELECT pooling FROM dbo.poolings WHERE network_id IS NULL))
        ORDER BY r.place;
END;
