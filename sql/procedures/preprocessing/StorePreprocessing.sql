-- StorePreprocessing: checks the steps of a preprocessing and stores them under a name, for good.
-- Example: EXECUTE dbo.StorePreprocessing @Name = N'soft', @Steps = N'[{"step": "window", "level": 40, "width": 400}]';
CREATE OR ALTER PROCEDURE dbo.StorePreprocessing
    @Name NVARCHAR(32) = NULL,     -- its name, letters, digits, _, - and . ; needed
    @Steps NVARCHAR(MAX) = NULL,   -- JSON: a list of steps, each an object with its name in step and its arguments; needed
    @Help BIT = 0                  -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.StorePreprocessing checks the steps of a preprocessing and stores them, with every default written out.
What is stored never changes: other steps need another name. Steps are window, clip, mask, scale, standardise, crop, rotate, blur,
resize, resample, seed, and those of packages; docs/preprocessing.md says what each does. Where none resizes to size "network",
such a step is added at the end. In place of the list an object may be given: steps, normalise (false: the network''s mean and
standard deviation do not apply) and triples (all or seed). Of networks that read volumes it is an object with dimensions, 3, and steps
of volumes: orient, resample, lung_mask, crop_to_lungs, clip, window, scale, standardise, pad and tile; docs/volumes.md says what each does.
It returns name, steps and digest.
Parameters:
    @Name NVARCHAR(32) = NULL    its name, letters, digits, _, - and . ; needed
    @Steps NVARCHAR(MAX) = NULL  JSON: a list of steps, each an object with its name in step and its arguments; needed
    @Help BIT = 0                1 prints this help and does nothing else
Examples:
    EXECUTE dbo.StorePreprocessing @Name = N''soft'', @Steps = N''[{"step": "window", "level": 40, "width": 400}]'';
    EXECUTE dbo.StorePreprocessing @Name = N''one_mm'', @Steps = N''[{"step": "resample", "spacing": 1},
        {"step": "crop", "size": [320, 320], "unit": "mm"}, {"step": "blur", "sigma": 1, "unit": "mm"},
        {"step": "window", "low": -1350, "high": 150}]'';
    EXECUTE dbo.StorePreprocessing @Name = N''lungs_1mm'', @Steps = N''{"dimensions": 3, "steps": [{"step": "crop_to_lungs"},
        {"step": "resample", "spacing": 1}, {"step": "window"}]}'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000) = N'', @Checked NVARCHAR(MAX), @Language NVARCHAR(128),
        @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Digest VARBINARY(32), @Stored VARBINARY(32);
    IF @Name IS NULL OR @Name = N'' OR @Name LIKE N'%[^A-Za-z0-9_.-]%' OR @Name IN (N'combined', N'image', N'lung', N'seed', N'volume')
        SET @Message = CONCAT(N'The value ', COALESCE(N'''' + @Name + N'''', N'NULL'), N' for the parameter @Name is not supported. ',
            N'Supported are letters from A to Z, digits, _, - and . , and no name that lungdb has itself: ',
            N'combined, image, lung, seed, volume. ');
    IF @Steps IS NULL
        SET @Message = CONCAT(@Message, N'The value NULL for the parameter @Steps is not supported. Give a list of steps as JSON. ');
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.ReadSettings @Language OUTPUT;
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(steps):
    from lungdb.procedures import check_steps
    return check_steps(steps)

Checked, ErrorNumber, ErrorMessage = main(Steps)
',
        @params = N'@Steps NVARCHAR(MAX), @Checked NVARCHAR(MAX) OUTPUT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @Steps = @Steps, @Checked = @Checked OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    SET @Digest = HASHBYTES('SHA2_256', @Checked);
    BEGIN TRANSACTION;
    SET @Stored = (SELECT digest FROM dbo.preprocessings WITH (UPDLOCK, HOLDLOCK) WHERE name = @Name);
    IF @Stored <> @Digest
    BEGIN
        SET @Message = CONCAT(N'The preprocessing ''', @Name, N''' is stored with other steps, and never changes. ',
            N'Store these under another name; dbo.preprocessings shows those.');
        THROW 50392, @Message, 1;
    END;
    IF @Stored IS NULL
        INSERT INTO dbo.preprocessings (name, steps, digest) VALUES (@Name, @Checked, @Digest);
    COMMIT TRANSACTION;
    SELECT name, steps, digest FROM dbo.preprocessing_list WHERE name = @Name;
END;
