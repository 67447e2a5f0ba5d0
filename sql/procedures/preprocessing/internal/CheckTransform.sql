-- CheckTransform: refuses what TransformImages cannot work with, finds the steps and says of what kind the data set is.
-- Called by TransformImages.
CREATE OR ALTER PROCEDURE internal.CheckTransform
    @Dataset NVARCHAR(128),        -- name of a data set
    @Name NVARCHAR(64),            -- name of the one that is made
    @Black FLOAT,                  -- or NULL
    @White FLOAT,                  -- or NULL, other than @Black
    @SlicesPerScan INT,            -- 1 and more, or NULL
    @ChunkMegabytes INT,           -- 1 to 512
    @Preprocessing NVARCHAR(32),   -- name, or NULL
    @Rows INT,                     -- 1 to 4096
    @Cols INT,                     -- 1 to 4096
    @Steps NVARCHAR(MAX) OUTPUT,   -- steps as they were given, or NULL; then as they are stored and compared
    @Kind VARCHAR(8) OUTPUT        -- scans or images
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000) = N'', @Found VARCHAR(8), @Checked NVARCHAR(MAX), @OfPictures BIT, @Language NVARCHAR(128),
        @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = CONCAT(N'TransformImages was called inside a transaction. ',
            N'It commits chunk by chunk: commit or roll back first, then call it again.');
        THROW 50100, @Message, 1;
    END;
    SET @Kind = COALESCE((SELECT kind FROM dbo.datasets WHERE name = @Dataset AND kind IN ('scans', 'images')), 'scans');
    SET @Found = (SELECT kind FROM dbo.datasets WHERE name = @Name);
    IF @Dataset IS NULL
        SET @Message = N'The parameter @Dataset is NULL. Give the name of a data set; see dbo.dataset_list. ';
    IF @Name IS NULL OR @Name = N'' OR @Name = @Dataset
        SET @Message = CONCAT(@Message, N'The value ', COALESCE(N'''' + @Name + N'''', N'NULL'),
            N' for the parameter @Name is not supported. Give a name that is not that of the data set the pictures are made of. ');
    IF COALESCE(@White, IIF(@Kind = 'scans', 1, 255)) = COALESCE(@Black, 0)
        SET @Message = CONCAT(@Message, N'The parameters @Black and @White are both ', COALESCE(@Black, 0), N'. Give two numbers. ');
    IF @SlicesPerScan < 1
        SET @Message = CONCAT(@Message, N'The value ', @SlicesPerScan,
            N' for the parameter @SlicesPerScan is not supported. Supported values are NULL, for all, and 1 and more. ');
    IF @ChunkMegabytes IS NULL OR @ChunkMegabytes NOT BETWEEN 1 AND 512
        SET @Message = CONCAT(@Message, N'The value ', COALESCE(CAST(@ChunkMegabytes AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @ChunkMegabytes is not supported. Supported values are 1 to 512. ');
    EXECUTE internal.FindSteps @Message, @Preprocessing, @Rows, @Cols, @Steps OUTPUT;
    -- Written in one way, with every default and the versions of packages, so that the same steps make the same recipe.
    IF @Preprocessing IS NULL
    BEGIN
        SET @OfPictures = IIF(@Kind = 'images', 1, 0);
        EXECUTE internal.ReadSettings @Language OUTPUT;
        EXECUTE sp_execute_external_script
            @language = @Language,
            @script = N'
def main(steps, of_pictures):
    from lungdb.procedures import check_steps
    return check_steps(steps, bool(of_pictures))

Checked, ErrorNumber, ErrorMessage = main(Steps, OfPictures)
',
            @params = N'@Steps NVARCHAR(MAX), @OfPictures BIT, @Checked NVARCHAR(MAX) OUTPUT, @ErrorNumber INT OUTPUT,
                @ErrorMessage NVARCHAR(2000) OUTPUT',
            @Steps = @Steps, @OfPictures = @OfPictures, @Checked = @Checked OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT,
            @ErrorMessage = @ErrorMessage OUTPUT;
        IF @ErrorNumber <> 0
        BEGIN
            SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
            THROW @ErrorNumber, @Message, 1;
        END;
        SET @Steps = @Checked;
    END;
    IF @Found <> 'images'
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The name ''', @Name, N''' is that of a data set of ', @Found,
            N', and no data set of pictures can have it too. Take another name; see dbo.dataset_list.'), N'%', N'%%');
        THROW 50273, @Message, 1;
    END;
END;
