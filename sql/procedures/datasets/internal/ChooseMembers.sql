-- ChooseMembers: leaves in #members those of a part of the splits and of a sample of patients; refuses to leave none.
-- Called by CreateDataset, whose table #members it reads and shortens.
CREATE OR ALTER PROCEDURE internal.ChooseMembers
    @Kind VARCHAR(8),               -- scans or images
    @Part NVARCHAR(10),             -- train or test, or NULL for both
    @Sample FLOAT,                  -- share or number of patients, or NULL for all
    @Seed INT,                      -- seed of the sample
    @ChosenBy NVARCHAR(MAX) OUTPUT  -- what chose the members, a JSON object
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Owners INT, @Drawn INT, @Before INT = (SELECT COUNT(*) FROM #members);
    IF @Part IS NOT NULL AND @Kind = 'images'
    BEGIN
        SET @Message = N'The parameter @Part was given for pictures, and dbo.splits has patients. Leave it out, or choose by a query.';
        THROW 50101, @Message, 1;
    END;
    IF @Part IS NOT NULL
    BEGIN
        EXECUTE dbo.AssignSplits;
        DELETE FROM #members WHERE owner NOT IN (SELECT patient_id FROM dbo.splits WHERE part = @Part);
    END;
    IF @Sample IS NOT NULL
    BEGIN
        CREATE TABLE #owners (place INT NOT NULL, owner NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY);
        -- A hash of seed and patient draws the same ones whatever else is there.
        INSERT INTO #owners (place, owner)
        SELECT ROW_NUMBER() OVER (ORDER BY HASHBYTES('SHA2_256', CONVERT(VARBINARY(1000), CONCAT(@Seed, N'/', o.owner))), o.owner), o.owner
        FROM (SELECT DISTINCT owner FROM #members) AS o;
        SET @Owners = (SELECT COUNT(*) FROM #owners);
        IF @Sample > @Owners
        BEGIN
            SET @Message = CONCAT(N'The value ', @Sample, N' for the parameter @Sample is more than the ', @Owners,
                IIF(@Kind = 'scans', N' patients', N' pictures'),
                N' that there are to draw from. Give a smaller number, or a share below 1.');
            THROW 50101, @Message, 1;
        END;
        SET @Drawn = IIF(@Sample >= 1, @Sample, ROUND(@Sample * @Owners, 0));
        DELETE FROM #members WHERE owner NOT IN (SELECT owner FROM #owners WHERE place <= @Drawn);
    END;
    IF NOT EXISTS (SELECT 1 FROM #members)
    BEGIN
        SET @Message = CONCAT(N'The data set would have no members: ', @Before, N' were found',
            IIF(@Before > 0, N', and the part or the sample leaves none', N''),
            N'. Nothing is stored. Widen the query, or take another part or a larger sample.');
        THROW 50272, @Message, 1;
    END;
    SET @ChosenBy = CONCAT(N'{', @ChosenBy, IIF(@ChosenBy IS NOT NULL AND (@Part IS NOT NULL OR @Sample IS NOT NULL), N', ', N''),
        N'"part": "' + @Part + N'"', IIF(@Part IS NOT NULL AND @Sample IS NOT NULL, N', ', N''),
        N'"sample": ' + IIF(@Sample >= 1, CAST(CAST(@Sample AS INT) AS NVARCHAR(12)), CONVERT(NVARCHAR(40), @Sample, 3)),
        IIF(@Sample IS NULL, N'', CONCAT(N', "seed": ', @Seed)), N'}');
END;
