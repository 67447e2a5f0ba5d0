-- CheckDataset: refuses a data set that is not there, lacks features, has others than the network reads, or huge numbers.
-- Called by RunExamples.
CREATE OR ALTER PROCEDURE internal.CheckDataset
    @Dataset NVARCHAR(128), -- name in dbo.examples
    @Inputs INT OUTPUT      -- how many features each example must have; NULL is set to what they have
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Example INT, @Features INT, @Largest FLOAT = CAST(N'3.4028234663852886e38' AS FLOAT);
    IF EXISTS (SELECT 1 FROM dbo.datasets WHERE name = @Dataset AND kind <> 'examples')
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The data set ''', @Dataset, N''' is one of scans or pictures, and one of examples is needed here. ',
            N'Give the name of such a one, or store the examples under another name; see dbo.dataset_list.'), N'%', N'%%');
        THROW 50273, @Message, 1;
    END;
    IF @Dataset IS NULL OR NOT EXISTS (SELECT 1 FROM dbo.examples WHERE dataset = @Dataset)
    BEGIN
        SET @Message = REPLACE(CONCAT(N'There is no data set ', COALESCE(N'''' + @Dataset + N'''', N'NULL'),
            N' in dbo.examples. Give the name of one in @Dataset, or insert its examples.'), N'%', N'%%');
        THROW 50171, @Message, 1;
    END;

    IF @Inputs IS NULL
        SET @Inputs = (SELECT MAX(feature_index) + 1 FROM dbo.examples WHERE dataset = @Dataset);
    SELECT TOP (1) @Example = e.example_id, @Features = COUNT(*)
    FROM dbo.examples AS e
    WHERE e.dataset = @Dataset
    GROUP BY e.example_id
    HAVING COUNT(*) <> @Inputs OR MIN(e.feature_index) <> 0 OR MAX(e.feature_index) <> @Inputs - 1
    ORDER BY e.example_id;
    IF @Example IS NOT NULL
    BEGIN
        SET @Message = REPLACE(CONCAT(N'Example ', @Example, N' of the data set ''', @Dataset, N''' has ', @Features,
            N' features, which are not 0 to ', @Inputs - 1,
            N'. Give every example exactly these features, zeros included, or take another network.'), N'%', N'%%');
        THROW 50172, @Message, 1;
    END;

    SELECT TOP (1) @Message = REPLACE(CONCAT(N'The feature ', feature_index, N' of the example ', example_id, N' of the data set ''',
        @Dataset, N''' is ', CONVERT(NVARCHAR(30), value, 1),
        N', which single precision cannot hold. Scale the features to about -1 to 1.'), N'%', N'%%')
    FROM dbo.examples
    WHERE dataset = @Dataset AND (value > @Largest OR value < -@Largest)
    ORDER BY example_id, feature_index;
    IF @Message IS NOT NULL
        THROW 50172, @Message, 1;
END;
