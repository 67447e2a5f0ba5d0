-- CheckDatasetArguments: refuses what CreateDataset cannot work with, all wrong arguments in one error.
-- Called by CreateDataset.
CREATE OR ALTER PROCEDURE internal.CheckDatasetArguments
    @Name NVARCHAR(128),    -- not NULL, not blank
    @Query NVARCHAR(MAX),   -- not blank
    @From NVARCHAR(128),    -- not together with a query
    @FromVersion INT,       -- only with @From
    @Part NVARCHAR(10),     -- train or test, or NULL
    @Sample FLOAT,          -- above 0 and below 1, or a whole number from 1, or NULL
    @Seed INT               -- 0 to 2147483647
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(4000) = N'';
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = N'CreateDataset was called inside a transaction, which an error of the query would undo. '
            + N'Commit or roll back first, then call it again.';
        THROW 50100, @Message, 1;
    END;
    SELECT @Message = STRING_AGG(CONCAT(N'The value ', COALESCE(a.given, N'NULL'), N' for the parameter ', a.name,
        N' is not supported. Supported values are ', a.supported, N'. '), N'')
    FROM (
        VALUES
            (N'@Name', N'''' + @Name + N'''', N'names such as thin_slices', IIF(LTRIM(@Name) <> N'', 1, 0)),
            (N'@Query', N'''' + LEFT(@Query, 40) + N'''', N'NULL and queries such as SELECT scan_id FROM dbo.scans',
                IIF(@Query IS NULL OR LTRIM(@Query) <> N'', 1, 0)),
            (N'@Part', N'''' + @Part + N'''', N'NULL, train and test', IIF(@Part IS NULL OR @Part IN (N'train', N'test'), 1, 0)),
            (N'@Sample', CAST(@Sample AS NVARCHAR(30)), N'NULL, shares above 0 and below 1, and whole numbers of patients from 1',
                IIF(@Sample IS NULL OR (@Sample > 0 AND @Sample < 1)
                    OR (@Sample BETWEEN 1 AND 1000000000 AND @Sample = FLOOR(@Sample)), 1, 0)),
            (N'@Seed', CAST(@Seed AS NVARCHAR(30)), N'0 to 2147483647', IIF(@Seed >= 0, 1, 0))
    ) AS a (name, given, supported, is_supported)
    WHERE a.is_supported = 0;
    SET @Message = CONCAT(@Message,
        IIF(@Query IS NOT NULL AND @From IS NOT NULL, N'Both @Query and @From were given. Give one of them. ', N''),
        IIF(@FromVersion IS NOT NULL AND @From IS NULL, N'@FromVersion was given without @From. Give both or neither. ', N''),
        IIF(@Query IS NULL AND @From IS NULL AND @Part IS NULL AND @Sample IS NULL,
            N'Nothing says what the data set is of. Give @Query, @From, @Part or @Sample. ', N''));
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(LEFT(@Message, 1900), N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
END;
