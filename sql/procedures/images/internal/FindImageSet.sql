-- FindImageSet: finds the version of a data set of pictures that a name means, and says where its pictures are not what they were.
-- Called by FeaturizeImages, TrainImageClassifier, PredictImages and SimilarImages.
CREATE OR ALTER PROCEDURE internal.FindImageSet
    @Dataset NVARCHAR(128),        -- name of a data set, or NULL for every picture
    @DatasetVersion INT,           -- its version; NULL means the newest
    @DatasetVersionId INT OUTPUT   -- the row of dbo.dataset_versions; NULL for every picture
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Changed INT;
    SET @DatasetVersionId = NULL;
    IF @Dataset IS NULL AND @DatasetVersion IS NULL
        RETURN 0;
    EXECUTE internal.FindDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT, 'images';
    SET @Changed = (
        SELECT COUNT(*)
        FROM dbo.dataset_members AS m
        LEFT JOIN dbo.images AS i ON i.name = m.image_name AND i.sha256 = m.content_sha256
        WHERE m.dataset_version_id = @DatasetVersionId AND i.name IS NULL);
    IF @Changed > 0
        RAISERROR(N'%d pictures of the data set %s were replaced or removed since; they are taken as they are now.', 0, 1,
            @Changed, @Dataset) WITH NOWAIT;
END;
