-- CheckNoisyOr: refuses to train the algorithm noisy_or on anything but the five highest scores of nodules; of others it does nothing.
-- Called by TrainModel.
CREATE OR ALTER PROCEDURE internal.CheckNoisyOr
    @Parameters NVARCHAR(MAX),  -- JSON, as CheckTrainingArguments gives it
    @Pooling NVARCHAR(32)       -- pooling of the features
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    IF JSON_VALUE(@Parameters, N'$.algorithm') <> N'noisy_or' OR @Pooling = N'top5'
        RETURN 0;
    SET @Message = REPLACE(CONCAT(N'The algorithm noisy_or reads five scores of nodules, and the features have the pooling ''', @Pooling,
        N'''. Name those of a detector: @NetworkName, @Layer = N''nodules'', @Pooling = N''top5''.'), N'%', N'%%');
    THROW 50101, @Message, 1;
END;
