-- FindNetwork: finds the row of dbo.networks that a procedure was asked for, by bytes or by name, else that of the setting default_network.
-- Called by GenerateFeatures and FeaturizeImages.
CREATE OR ALTER PROCEDURE internal.FindNetwork
    @Model VARBINARY(MAX),      -- bytes of a network, or NULL
    @ModelName NVARCHAR(128),   -- its name, or NULL; the newest version is taken
    @NetworkId INT OUTPUT       -- the row found
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Number INT = 0;
    DECLARE @Names NVARCHAR(1000) = LEFT(COALESCE((
        SELECT STRING_AGG(CAST(n.name AS NVARCHAR(MAX)), N', ') FROM (SELECT DISTINCT name FROM dbo.networks) AS n), N'none'), 1000);

    IF @Model IS NULL AND @ModelName IS NULL
        SET @ModelName = NULLIF((SELECT value FROM dbo.settings WHERE name = N'default_network'), N'');
    IF (@Model IS NULL AND @ModelName IS NULL) OR (@Model IS NOT NULL AND @ModelName IS NOT NULL)
    BEGIN
        SET @Number = 50114;
        SET @Message = CONCAT(N'One of @Model and @ModelName is needed, and ',
            IIF(@Model IS NULL, N'both are NULL, and so is the setting default_network', N'both were given'),
            N'. Networks that are loaded: ', @Names, N'.');
    END;
    ELSE IF @ModelName IS NOT NULL
    BEGIN
        SET @NetworkId = (SELECT TOP (1) network_id FROM dbo.networks WHERE name = @ModelName ORDER BY version DESC);
        IF @NetworkId IS NULL
        BEGIN
            SET @Number = 50102;
            SET @Message = CONCAT(N'No network is named ''', @ModelName, N'''. Networks that are loaded: ', @Names,
                N'. Load one with scripts/load_network.py.');
        END;
    END;
    ELSE
    BEGIN
        SET @NetworkId = (
            SELECT TOP (1) network_id FROM dbo.networks WHERE sha256 = HASHBYTES('SHA2_256', @Model) ORDER BY network_id DESC);
        IF @NetworkId IS NULL
        BEGIN
            SET @Number = 50103;
            SET @Message = CONCAT(N'The bytes given as @Model (', DATALENGTH(@Model), N' bytes, SHA-256 ',
                CONVERT(VARCHAR(64), HASHBYTES('SHA2_256', @Model), 2),
                N') are no network of this database. Load the network with scripts/load_network.py, or give its name as @ModelName. ',
                N'Networks that are loaded: ',
                @Names, N'.');
        END;
    END;
    IF @Number = 0 AND EXISTS (SELECT 1 FROM dbo.networks WHERE network_id = @NetworkId AND library = N'pooling')
        SELECT @Number = 50104, @Message = CONCAT(N'The network ', N'''' + @ModelName + N''' ',
            N'pools features and makes none. Call PoolFeatures with it, or name a network that makes features.');
    IF @Number <> 0
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW @Number, @Message, 1;
    END;
END;
