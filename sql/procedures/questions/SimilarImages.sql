-- SimilarImages: the pictures of other sources that are most like a picture of dbo.images.
-- Example: EXECUTE dbo.SimilarImages @ImageName = N'an2i_left_happy_open.pgm';
CREATE OR ALTER PROCEDURE dbo.SimilarImages
    @ImageName NVARCHAR(128) = NULL,   -- name of the picture asked about in dbo.images; needed
    @NetworkName NVARCHAR(128) = NULL, -- network of the features; NULL where one fits, or the setting default_network names one
    @Layer NVARCHAR(256) = NULL,       -- layer of the features; NULL where one fits
    @Dataset NVARCHAR(128) = NULL,     -- data set of pictures to look among; NULL means every picture with features
    @DatasetVersion INT = NULL,        -- its version; NULL means the newest
    @Limit INT = 8,                    -- pictures to return, 1 to 1000
    @Help BIT = 0                      -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.SimilarImages returns the pictures that are most like a picture, the most similar first, of those with other sources:
other patients, groups, or pictures that it was not made of. similarity is the cosine of the angle between their features, as
FeaturizeImages has made them, each less its mean over the pictures that are compared and divided by its standard deviation there. Fewer
than ten pictures are compared as stored. The features are read twice, 256 MB at a time.
Parameters:
    @ImageName NVARCHAR(128) = NULL    name of the picture asked about in dbo.images; needed
    @NetworkName NVARCHAR(128) = NULL  network of the features; NULL where one fits, or the setting default_network names one
    @Layer NVARCHAR(256) = NULL        layer of the features; NULL where one fits
    @Dataset NVARCHAR(128) = NULL      data set of pictures to look among; NULL means every picture with features
    @DatasetVersion INT = NULL         its version; NULL means the newest
    @Limit INT = 8                     pictures to return, 1 to 1000
    @Help BIT = 0                      1 prints this help and does nothing else
Example:
    EXECUTE dbo.SimilarImages @ImageName = N''an2i_left_happy_open.pgm'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @FeatureSetId INT, @DatasetVersionId INT, @Array VARBINARY(MAX), @Source NVARCHAR(140);
    CREATE TABLE #compared (
        place INT NOT NULL PRIMARY KEY, scan_id INT NULL, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, bytes BIGINT NOT NULL);
    CREATE TABLE #similar_rows (place INT NOT NULL, row_index INT NOT NULL, similarity FLOAT NOT NULL);
    IF @Limit IS NULL OR @Limit NOT BETWEEN 1 AND 1000
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Limit AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Limit is not supported. Supported values are 1 to 1000.');
        THROW 50101, @Message, 1;
    END;
    SET @Source = (SELECT source FROM dbo.image_sources WHERE name = @ImageName);
    IF @Source IS NULL
    BEGIN
        SET @Message = REPLACE(CONCAT(N'There is no picture with the name ', COALESCE(N'''' + @ImageName + N'''', N'NULL'),
            N'. See dbo.images.'), N'%', N'%%');
        THROW 50421, @Message, 1;
    END;
    EXECUTE internal.FindImageSet @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    EXECUTE internal.FindImageFeatures @NetworkName, @Layer, @FeatureSetId OUTPUT;
    SELECT @Array = f.array, @Message = IIF(f.sha256 = HASHBYTES('SHA2_256', f.array), N'', N'altered')
    FROM dbo.image_features AS f
    WHERE f.name = @ImageName AND f.feature_set_id = @FeatureSetId;
    IF @Array IS NULL
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The picture ''', @ImageName, N''' has no features of this kind. Call FeaturizeImages.'),
            N'%', N'%%');
        THROW 50140, @Message, 1;
    END;
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The features of the picture ''', @ImageName,
            N''' are not what was stored: their SHA-256 is another one. Call FeaturizeImages with @Recompute = 1.'), N'%', N'%%');
        THROW 50105, @Message, 1;
    END;

    INSERT INTO #compared (place, name, bytes)
    SELECT ROW_NUMBER() OVER (ORDER BY f.name), f.name, DATALENGTH(f.array)
    FROM dbo.image_features AS f
    INNER JOIN dbo.image_sources AS s ON s.name = f.name
    WHERE f.feature_set_id = @FeatureSetId AND s.source <> @Source AND (@DatasetVersionId IS NULL OR f.name IN (
        SELECT m.image_name FROM dbo.dataset_members AS m WHERE m.dataset_version_id = @DatasetVersionId))
    OPTION (RECOMPILE);
    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.feature_set_id', @FeatureSetId),
        N'$.dataset', @Dataset), N'$.limit', @Limit);
    EXECUTE internal.StartRun N'SimilarImages', @RunId OUTPUT, @Arguments;
    EXECUTE internal.FindSimilarRows @FeatureSetId, @Array, @Limit, @RunId;
    EXECUTE internal.EndRun @RunId;
    SELECT c.name, i.group_name, i.group_order, r.similarity
    FROM #similar_rows AS r
    INNER JOIN #compared AS c ON c.place = r.place
    INNER JOIN dbo.images AS i ON i.name = c.name
    ORDER BY r.similarity DESC, c.name;
END;
