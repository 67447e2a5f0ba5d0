-- CheckImageUnits: refuses to train where nothing is left to learn from, or more would go to the script than it takes.
-- Called by TrainImageClassifier, whose tables #units, #members and #known it reads.
CREATE OR ALTER PROCEDURE internal.CheckImageUnits
    @FeatureSetId INT -- features of the pictures
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Number INT, @Bytes BIGINT;
    SET @Bytes = (
        SELECT SUM(2 * CAST(DATALENGTH(f.array) AS BIGINT))
        FROM #members AS m
        INNER JOIN dbo.image_features AS f ON f.name = m.name AND f.feature_set_id = @FeatureSetId);
    IF NOT EXISTS (SELECT 1 FROM #units WHERE part = 'train')
        SELECT @Number = 50111, @Message = CONCAT(N'No picture of the part train has both a label and features, of ',
            (SELECT COUNT(*) FROM #units), N' that have. Load labels with lungdb load-images, or more pictures.');
    ELSE IF (SELECT COUNT(DISTINCT k.label) FROM #known AS k INNER JOIN #units AS u ON u.unit = k.unit WHERE u.part = 'train') < 2
        SELECT @Number = 50112, @Message = CONCAT(N'The pictures of the part train have one class only, of ',
            (SELECT COUNT(DISTINCT label) FROM #known), N' in all, so there is nothing to tell apart. Load pictures of others.');
    ELSE IF @Bytes > 1073741824
        SELECT @Number = 50231, @Message = CONCAT(N'The features of the pictures are ', @Bytes / 1000000,
            N' MB as they are sent, more than the 1 GB that a script takes. Take a smaller data set, or a layer with fewer features.');
    IF @Number IS NOT NULL
        THROW @Number, @Message, 1;
END;
