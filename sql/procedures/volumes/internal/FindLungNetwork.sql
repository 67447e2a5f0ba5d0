-- FindLungNetwork: finds the network that draws lungs by its name, and gives what a script needs to run it; without a name empty values.
-- Called by FindLungs.
CREATE OR ALTER PROCEDURE internal.FindLungNetwork
    @ModelName NVARCHAR(128),         -- its name, or NULL to find lungs by a threshold
    @Method NVARCHAR(128) OUTPUT,     -- what the lungs that it finds are stored under
    @Network VARBINARY(MAX) OUTPUT,   -- its bytes
    @Sha256 VARCHAR(64) OUTPUT,       -- their SHA-256
    @Details NVARCHAR(MAX) OUTPUT,    -- its details
    @Steps NVARCHAR(MAX) OUTPUT       -- steps of the preprocessing volume
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Number INT = 0, @NetworkId INT;
    SELECT @Method = N'threshold', @Network = 0x, @Sha256 = '', @Details = N'', @Steps = N'';
    IF @ModelName IS NULL
        RETURN 0;
    EXECUTE internal.FindNetwork NULL, @ModelName, @NetworkId OUTPUT;
    SELECT @Method = name, @Network = model, @Sha256 = CONVERT(VARCHAR(64), sha256, 2), @Details = details
    FROM dbo.networks WHERE network_id = @NetworkId;
    SET @Steps = COALESCE((SELECT steps FROM dbo.preprocessings WHERE name = N'volume'), N'');
    IF @Method IN (N'threshold', N'truth')
        SELECT @Number = 50101, @Message = CONCAT(N'The network ''', @Method, N''' is named as a method of dbo.lung_masks. ',
            N'Load it under another name.');
    ELSE IF COALESCE(JSON_VALUE(@Details, N'$.output.form'), N'') <> N'segmentation'
        SELECT @Number = 50104, @Message = CONCAT(N'The network ''', @Method, N''' draws no outline of lungs. ',
            N'Name one that was loaded with --detects segmentation.');
    ELSE IF DATALENGTH(@Network) = 0
        SELECT @Number = 50116, @Message = CONCAT(N'The network ''', @Method, N''' was copied here without its bytes. ',
            N'Find the lungs where it came from, or load it here.');
    IF @Number <> 0
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW @Number, @Message, 1;
    END;
END;
