-- CheckRuntime: asks the Python of the external scripts what it has, keeps it for Doctor in dbo.runtime_facts, and shows it.
-- Example: EXECUTE dbo.CheckRuntime;
CREATE OR ALTER PROCEDURE dbo.CheckRuntime
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.CheckRuntime runs a script in the language that settings.external_language names, stores in dbo.runtime_facts what it
found, and returns it: the versions of Python and of the packages that the procedures use, its site-packages, ONNX Runtime''s
providers, and a GPU if one is seen. Call it after changing anything of Python; dbo.Doctor judges what it has found.
Parameters:
    @Help BIT = 0  1 prints this help and does nothing else
Example:
    EXECUTE dbo.CheckRuntime;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Language NVARCHAR(128);
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = N'CheckRuntime was called inside a transaction, which a script would hold open. Commit or roll back first.';
        THROW 50100, @Message, 1;
    END;
    EXECUTE internal.ReadSettings @Language OUTPUT;

    -- Stored before the script, so that one that crashes leaves a trace; what was known stays, for a caller may lack a right alone.
    BEGIN TRANSACTION;
    DELETE FROM dbo.runtime_facts WHERE name = N'asked';
    INSERT INTO dbo.runtime_facts (name, language) VALUES (N'asked', @Language);
    COMMIT TRANSACTION;

    CREATE TABLE #facts (
        item NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
        value NVARCHAR(1000) COLLATE DATABASE_DEFAULT NULL
    );
    INSERT INTO #facts (item, value)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main():
    from lungdb.procedures import check_runtime
    return check_runtime()

OutputDataSet = main()
';

    BEGIN TRANSACTION;
    DELETE FROM dbo.runtime_facts;
    INSERT INTO dbo.runtime_facts (name, value, language)
    SELECT f.item, f.value, @Language
    FROM #facts AS f
    UNION ALL
    SELECT N'asked', N'answered', @Language;
    -- The runtimes of SQL Server for Python 3.10 are compiled against numpy 1.22; the embedded engine uses none itself.
    IF CAST(SERVERPROPERTY(N'EngineEdition') AS INT) <> 0
        INSERT INTO dbo.runtime_facts (name, value, language) VALUES (N'numpy of the runtime', N'1.22', @Language);
    COMMIT TRANSACTION;

    SELECT f.name, f.value
    FROM dbo.runtime_facts AS f
    WHERE f.name <> N'asked'
    ORDER BY f.name;
END;
