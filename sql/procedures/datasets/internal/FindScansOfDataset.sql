-- FindScansOfDataset: finds a version of a data set of scans, and refuses one of which scans were replaced or removed since it was made.
-- Called by GenerateFeatures, TrainModel and SearchModels.
CREATE OR ALTER PROCEDURE internal.FindScansOfDataset
    @Dataset NVARCHAR(128),         -- name of a data set, or NULL for none
    @DatasetVersion INT,            -- its version, or NULL for the newest
    @DatasetVersionId INT OUTPUT    -- the version found, NULL without a name
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    SET @DatasetVersionId = NULL;
    IF @Dataset IS NULL AND @DatasetVersion IS NULL
        RETURN 0;
    IF @Dataset IS NULL
    BEGIN
        SET @Message = N'The parameter @DatasetVersion was given without @Dataset. Give both or neither.';
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.FindDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    EXECUTE internal.CheckMembers @DatasetVersionId;
END;
