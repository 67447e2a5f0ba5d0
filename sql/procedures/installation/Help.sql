-- Help: lists the public procedures by capability, each with what it is for and a call.
-- Example: EXECUTE dbo.Help @Capability = N'features';
CREATE OR ALTER PROCEDURE dbo.Help
    @Procedure NVARCHAR(128) = NULL,  -- only this procedure
    @Capability NVARCHAR(64) = NULL,  -- only those of this capability, such as N'features'
    @Help BIT = 0                     -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.Help lists the public procedures that are installed, by capability: what each is for, in a sentence, and a call.
@Help = 1 of any of them prints its parameters.
Parameters:
    @Procedure NVARCHAR(128) = NULL  only this procedure
    @Capability NVARCHAR(64) = NULL  only those of this capability, such as N''features''
    @Help BIT = 0                    1 prints this help and does nothing else
Examples:
    EXECUTE dbo.Help;
    EXECUTE dbo.Help @Capability = N''features'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Some NVARCHAR(1000);
    IF @Procedure LIKE N'dbo.%'
        SET @Procedure = SUBSTRING(@Procedure, 5, 128);
    IF @Capability IS NOT NULL AND NOT EXISTS (SELECT 1 FROM dbo.procedure_help WHERE capability = @Capability)
    BEGIN
        SET @Some = (
            SELECT STRING_AGG(CAST(c.capability AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY c.capability)
            FROM (SELECT DISTINCT capability FROM dbo.procedure_help) AS c);
        SET @Message = REPLACE(CONCAT(N'The value ''', @Capability, N''' for the parameter @Capability is not supported. Supported values ',
            N'are: ', @Some, N'.'), N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
    IF @Procedure IS NOT NULL AND NOT EXISTS (SELECT 1 FROM dbo.procedure_help WHERE procedure_name = @Procedure)
    BEGIN
        -- Near are names that share the most pairs of letters, as a misspelt or half remembered name does.
        CREATE TABLE #pairs (pair NVARCHAR(2) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY);
        INSERT INTO #pairs (pair)
        SELECT DISTINCT LOWER(SUBSTRING(@Procedure, b.number, 2))
        FROM dbo.byte_values AS b
        WHERE b.number BETWEEN 1 AND LEN(@Procedure) - 1 AND LEN(SUBSTRING(@Procedure, b.number, 2)) = 2;
        SET @Some = (
            SELECT STRING_AGG(CAST(n.procedure_name AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY n.near DESC, n.procedure_name)
            FROM (
                SELECT TOP (3) h.procedure_name, COUNT(*) AS near
                FROM dbo.procedure_help AS h
                INNER JOIN #pairs AS p ON CHARINDEX(p.pair, LOWER(h.procedure_name)) > 0
                GROUP BY h.procedure_name
                ORDER BY COUNT(*) DESC, LEN(h.procedure_name), h.procedure_name) AS n);
        SET @Message = REPLACE(CONCAT(N'There is no public procedure ''', @Procedure, N'''. ', N'The nearest names are: ' + @Some + N'. ',
            N'EXECUTE dbo.Help; lists all that are installed.'), N'%', N'%%');
        THROW 50450, @Message, 1;
    END;

    SELECT capability, procedure_name, purpose, example
    FROM dbo.procedure_help
    WHERE (@Procedure IS NULL OR procedure_name = @Procedure) AND (@Capability IS NULL OR capability = @Capability)
    ORDER BY capability, procedure_name
    OPTION (RECOMPILE);
END;
