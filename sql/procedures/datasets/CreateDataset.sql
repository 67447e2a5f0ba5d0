-- CreateDataset: gives a name to scans or pictures that a query, a part of the splits or a sample chooses, as a version of a data set.
-- Example: EXECUTE dbo.CreateDataset @Name = N'thin', @Query = N'SELECT scan_id FROM dbo.scans WHERE slice_thickness <= 1.5';
CREATE OR ALTER PROCEDURE dbo.CreateDataset
    @Name NVARCHAR(128) = NULL,     -- name of the data set; needed
    @Query NVARCHAR(MAX) = NULL,    -- a query with a column scan_id, or name for pictures; it runs with the caller's rights
    @From NVARCHAR(128) = NULL,     -- a data set to take from in place of a query
    @FromVersion INT = NULL,        -- its version; NULL means the newest
    @Part NVARCHAR(10) = NULL,      -- train or test: only scans of patients in this part of dbo.splits
    @Sample FLOAT = NULL,           -- a share of the patients, below 1, or their number; all chosen scans of a patient go together
    @Seed INT = 20170401,           -- which patients a sample draws, 0 to 2147483647
    @Help BIT = 0                   -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.CreateDataset gives a name to scans or pictures, for training, featurizing, scoring and evaluation.
@Query or @From says which; without either it is the primary scan of every patient. @Part and @Sample then choose among them.
Its members are kept with their SHA-256. Called again with the same members it makes no new version, otherwise the next one.
The query is one SELECT, also with WITH, ORDER BY or UNION. It can only read: what it gives is put into a table of this call.
A scan that it gives twice is taken once.
Parameters:
    @Name NVARCHAR(128) = NULL   name of the data set; needed
    @Query NVARCHAR(MAX) = NULL  a query with a column scan_id, or name for pictures; it runs with the caller''s rights
    @From NVARCHAR(128) = NULL   a data set to take from in place of a query
    @FromVersion INT = NULL      its version; NULL means the newest
    @Part NVARCHAR(10) = NULL    train or test: only scans of patients in this part of dbo.splits
    @Sample FLOAT = NULL         a share of the patients, below 1, or their number; all chosen scans of a patient go together
    @Seed INT = 20170401         which patients a sample draws, 0 to 2147483647
    @Help BIT = 0                1 prints this help and does nothing else
Examples:
    EXECUTE dbo.CreateDataset @Name = N''thin'', @Query = N''SELECT scan_id FROM dbo.scans WHERE slice_thickness <= 1.5'';
    EXECUTE dbo.CreateDataset @Name = N''held out'', @Part = N''test'';
    EXECUTE dbo.CreateDataset @Name = N''some'', @From = N''thin'', @Sample = 0.5;';
        RETURN 0;
    END;

    DECLARE @Kind VARCHAR(8), @ChosenBy NVARCHAR(MAX), @Version INT, @IsNew BIT, @Said NVARCHAR(2000), @Twice INT = 0;
    CREATE TABLE #members (
        scan_id INT NULL, image_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, content_sha256 VARBINARY(32) NOT NULL,
        chance VARBINARY(32) NULL, owner NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL);

    EXECUTE internal.CheckDatasetArguments @Name, @Query, @From, @FromVersion, @Part, @Sample, @Seed;
    EXECUTE internal.TakeMembers @Query, @From, @FromVersion, @Kind OUTPUT, @ChosenBy OUTPUT, @Twice OUTPUT;
    EXECUTE internal.ChooseMembers @Kind, @Part, @Sample, @Seed, @ChosenBy OUTPUT;
    EXECUTE internal.StoreDataset @Name, @Kind, @ChosenBy, @Version OUTPUT, @IsNew OUTPUT;

    SET @Said = CONCAT(N'The data set ', @Name, N' version ', @Version, N' has ', (SELECT COUNT(*) FROM #members),
        IIF(@Kind = 'scans', CONCAT(N' scans of ', (SELECT COUNT(DISTINCT owner) FROM #members), N' patients'), N' pictures'),
        IIF(@IsNew = 1, N'.', N', as before: no new version is made.'),
        IIF(@Twice > 0, CONCAT(N' The query gives ', @Twice, N' rows again, which are taken once.'), N''));
    RAISERROR(N'%s', 0, 1, @Said) WITH NOWAIT;
    SELECT name, version, kind, members, patients, members_sha256
    FROM dbo.dataset_list
    WHERE name = @Name AND version = @Version;
END;
