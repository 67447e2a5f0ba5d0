-- WrapQuery: makes of a query a statement that puts one of its columns into #chosen. A derived table takes no WITH, and no ORDER BY without
-- TOP or OFFSET, so that the query becomes one more table of its own WITH, and gets an OFFSET.
-- Called by RunDatasetQuery.
CREATE OR ALTER PROCEDURE internal.WrapQuery
    @Query NVARCHAR(MAX),           -- one SELECT
    @Column NVARCHAR(128),          -- the column
    @Statement NVARCHAR(MAX) OUTPUT -- the statement
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Masked NVARCHAR(MAX), @Padded NVARCHAR(MAX), @At INT;
    -- Of a FLOAT, CAST keeps six digits; style 3 keeps all.
    DECLARE @Read NVARCHAR(300) = IIF(@Column = N'scan_id', N'CONVERT(NVARCHAR(400), q.scan_id, 3)', CONCAT(N'CAST(q.', @Column,
        N' AS NVARCHAR(400))'));
    EXECUTE internal.MaskQuery @Query OUTPUT, @Masked OUTPUT;
    SET @Padded = CONCAT(N' ', @Masked, N' ');
    -- The comment that a query may end with ends with its line.
    IF @Padded LIKE N'%[^A-Z0-9_@#$]ORDER[^A-Z0-9_@#$]%' AND @Padded NOT LIKE N'%[^A-Z0-9_@#$]OFFSET[^A-Z0-9_@#$]%'
        AND @Padded NOT LIKE N'%[^A-Z0-9_@#$]TOP[^A-Z0-9_@#$]%'
        SET @Query = CONCAT(@Query, NCHAR(10), N'OFFSET 0 ROWS');
    SET @At = PATINDEX(N'%[^A-Z0-9_@#$]SELECT[^A-Z0-9_@#$]%', @Padded);
    IF LTRIM(@Masked) LIKE N'WITH[^A-Z0-9_@#$]%' AND @At > 1
        SET @Statement = CONCAT(LEFT(@Query, @At - 1), NCHAR(10), N', [members chosen] AS (', SUBSTRING(@Query, @At, LEN(@Query)),
            NCHAR(10), N') INSERT INTO #chosen (given) SELECT ', @Read, N' FROM [members chosen] AS q;');
    ELSE
        SET @Statement = CONCAT(N'INSERT INTO #chosen (given) SELECT ', @Read, N' FROM (', @Query, NCHAR(10),
            N') AS q;');
END;
