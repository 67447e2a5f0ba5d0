-- ChooseKind: fills in the layer, preprocessing and pooling that were not named, as the network reads pictures or volumes and detects or
-- not, and refuses those of another kind.
-- Called by GenerateFeatures and QueueFeatures.
CREATE OR ALTER PROCEDURE internal.ChooseKind
    @NetworkId INT,                     -- the network
    @Layer NVARCHAR(256) OUTPUT,        -- names of layers with commas; of a detector penultimate becomes nodules
    @Preprocessing NVARCHAR(32) OUTPUT, -- one of dbo.preprocessings; NULL becomes lung, of volumes volume
    @Pooling NVARCHAR(128) OUTPUT       -- poolings with commas; NULL becomes mean, of nodules top5
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Details NVARCHAR(MAX) = (SELECT details FROM dbo.networks WHERE network_id = @NetworkId), @Message NVARCHAR(2000) = N'',
        @IsVolume BIT, @IsDetector BIT, @IsOfVolumes BIT;
    SET @IsVolume = IIF(JSON_VALUE(@Details, N'$.input.dimensions') = N'3', 1, 0);
    SET @IsDetector = IIF(COALESCE(JSON_VALUE(@Details, N'$.output.form'), N'probability') = N'probability', 0, 1);
    IF @IsDetector = 1 AND @Layer = N'penultimate'
        SET @Layer = N'nodules';
    SET @IsDetector = IIF(@IsDetector = 1 AND @Layer = N'nodules', 1, 0);
    SET @Preprocessing = COALESCE(@Preprocessing, IIF(@IsVolume = 1, N'volume', N'lung'));
    SET @Pooling = COALESCE(@Pooling, IIF(@IsDetector = 1, N'top5', N'mean'));
    SET @IsOfVolumes = COALESCE((
        SELECT IIF(JSON_VALUE(steps, N'$.dimensions') = N'3', 1, 0) FROM dbo.preprocessings WHERE name = @Preprocessing), @IsVolume);
    IF @IsVolume <> @IsOfVolumes
        SET @Message = CONCAT(N'The value ''', @Preprocessing, N''' for the parameter @Preprocessing is of ',
            IIF(@IsVolume = 1, N'pictures, and the network reads volumes', N'volumes, and the network reads pictures'),
            N'. Name one of ', IIF(@IsVolume = 1, N'volumes, such as volume. ', N'pictures, such as lung. '));
    IF @IsDetector = 1 AND @Pooling <> N'top5'
        SET @Message = CONCAT(@Message, N'The value ''', @Pooling, N''' for the parameter @Pooling is not supported for the layer nodules ',
            N'of a detector. The supported value is top5. ');
    IF @IsDetector = 0 AND CONCAT(N',', @Pooling, N',') LIKE N'%,top5,%'
        SET @Message = CONCAT(@Message, N'The value ''', @Pooling, N''' for the parameter @Pooling is not supported for these layers. ',
            N'top5 is of the layer nodules of a detector alone. ');
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
END;
