-- MaskQuery: gives the text of a query in capitals with blanks for what stands in brackets, quotes and comments, so that its own words can
-- be found; refuses what is more than one statement. A semicolon at the end of the query becomes a blank.
-- Called by WrapQuery.
CREATE OR ALTER PROCEDURE internal.MaskQuery
    @Query NVARCHAR(MAX) OUTPUT,    -- the query
    @Masked NVARCHAR(MAX) OUTPUT    -- as many characters
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Place INT = 1, @Length INT = LEN(@Query + N'.') - 1, @Depth INT = 0, @Lowest INT = 0;
    DECLARE @C NCHAR(1), @Two NVARCHAR(2), @Until NCHAR(1) = N'0', @Taken INT, @At INT;
    SET @Masked = N'';
    -- @Until is what ends what the place is in: a quote, a bracket, N for the line, * for a comment, 0 for the query itself.
    WHILE @Place <= @Length
    BEGIN
        SELECT @C = SUBSTRING(@Query, @Place, 1), @Two = SUBSTRING(@Query, @Place, 2), @Taken = 1;
        IF @Until = N'0' AND @Depth = 0 AND @C NOT IN (N'(', N')', N'''', N'"', N'[') AND @Two NOT IN (N'--', N'/*')
            SET @Masked = CONCAT(@Masked, IIF(UNICODE(@C) < 32, N' ', UPPER(@C)));
        ELSE
            SET @Masked = CONCAT(@Masked, N' ');
        IF @Until = N'0'
            SELECT @Depth = @Depth + CASE @C WHEN N'(' THEN 1 WHEN N')' THEN -1 ELSE 0 END,
                @Until = CASE WHEN @Two = N'--' THEN N'N' WHEN @Two = N'/*' THEN N'*' WHEN @C = N'[' THEN N']'
                    WHEN @C IN (N'''', N'"') THEN @C ELSE N'0' END,
                @Taken = IIF(@Two = N'/*', 2, 1);
        ELSE IF @Until = N'N'
            SET @Until = IIF(UNICODE(@C) IN (10, 13), N'0', @Until);
        ELSE IF @Until = N'*'
            SELECT @Until = IIF(@Two = N'*/', N'0', @Until), @Taken = IIF(@Two = N'*/', 2, 1);
        ELSE IF @Two = N']]' AND @Until = N']'
            SET @Taken = 2;
        ELSE IF @C = @Until
            SET @Until = N'0';
        SET @Lowest = IIF(@Depth < @Lowest, @Depth, @Lowest);
        SET @Masked = CONCAT(@Masked, IIF(@Taken = 2, N' ', N''));
        SET @Place = @Place + @Taken;
    END;

    SET @At = CHARINDEX(N';', @Masked);
    IF @Lowest < 0 OR @Depth > 0 OR @Until NOT IN (N'0', N'N')
        OR (@At > 0 AND LTRIM(REPLACE(SUBSTRING(@Masked, @At, @Length), N';', N' ')) <> N'')
    BEGIN
        SET @Message = CONCAT(N'The query of the data set cannot be used: ', IIF(@Lowest < 0 OR @Depth > 0,
            N'its parentheses do not match', IIF(@At > 0, N'it is more than one statement', N'a quote, bracket or comment does not end')),
            N'. Give one SELECT with a column scan_id, or name for pictures.');
        THROW 50270, @Message, 1;
    END;
    WHILE @At > 0
    BEGIN
        SELECT @Query = STUFF(@Query, @At, 1, N' '), @Masked = STUFF(@Masked, @At, 1, N' ');
        SET @At = CHARINDEX(N';', @Masked);
    END;
END;
