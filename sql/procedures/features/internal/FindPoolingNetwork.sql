-- FindPoolingNetwork: finds a network that pools by its name, and what the pooling is called.
-- Called by PoolFeatures.
CREATE OR ALTER PROCEDURE internal.FindPoolingNetwork
    @ModelName NVARCHAR(128),       -- its name
    @Version INT,                   -- its version, or NULL for the newest
    @NetworkId INT OUTPUT,          -- the row of dbo.networks
    @Pooling NVARCHAR(32) OUTPUT    -- the pooling
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Number INT, @Library NVARCHAR(32), @Bytes BIGINT;
    DECLARE @Names NVARCHAR(1000) = LEFT(COALESCE((
        SELECT STRING_AGG(CAST(CONCAT(name, N' ', version) AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY name, version)
        FROM dbo.networks WHERE library = N'pooling'), N'none'), 1000);
    SELECT TOP (1) @NetworkId = n.network_id, @Library = n.library, @Bytes = DATALENGTH(n.model), @Version = n.version
    FROM dbo.networks AS n
    WHERE n.name = @ModelName AND n.version = COALESCE(@Version, n.version)
    ORDER BY n.version DESC;
    SET @Pooling = (SELECT pooling FROM dbo.poolings WHERE network_id = @NetworkId);
    IF @NetworkId IS NULL
        SELECT @Number = 50102, @Message = CONCAT(N'No network is named ', COALESCE(N'''' + @ModelName + N'''', N'NULL'),
            N' with the version ' + CAST(@Version AS NVARCHAR(12)), N'. Networks that pool: ', @Names,
            N'. Load one with lungdb load-network FILE --pooling.');
    ELSE IF @Library <> N'pooling'
        SELECT @Number = 50104, @Message = CONCAT(N'The network ''', @ModelName, N''' makes features and pools none. Networks that pool: ',
            @Names, N'. Load one with lungdb load-network FILE --pooling.');
    ELSE IF @Bytes = 0
        SELECT @Number = 50116, @Message = CONCAT(N'The network ''', @ModelName, N''' version ', @Version,
            N' was copied here without its bytes. Pool where it came from, and copy the vectors with the model.');
    IF @Number IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW @Number, @Message, 1;
    END;
END;
