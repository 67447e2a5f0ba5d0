-- RegisterExtensions: makes the steps, poolings and algorithms known that packages in the Python of external scripts add.
-- Example: EXECUTE dbo.RegisterExtensions;
CREATE OR ALTER PROCEDURE dbo.RegisterExtensions
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.RegisterExtensions fills dbo.extensions with the steps, poolings and algorithms that packages add by entry points of the
groups lungdb.steps, lungdb.poolings and lungdb.algorithms. Call it after such a package was installed, upgraded or removed; a pooling or
an algorithm is known to T-SQL once it stands there. A pooling that features or models were made with stays, because these stay, and with
another version of its package is refused. A model that an algorithm has trained is scored without the package.
lungdb''s own steps are listed too. It returns kind, name, package and times.
Parameters:
    @Help BIT = 0  1 prints this help and does nothing else
Example:
    EXECUTE dbo.RegisterExtensions;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Language NVARCHAR(128), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    CREATE TABLE #found (
        kind NVARCHAR(16) COLLATE DATABASE_DEFAULT NULL, name NVARCHAR(32) COLLATE DATABASE_DEFAULT NULL,
        package NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, times INT NULL);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    INSERT INTO #found (kind, name, package, times)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main():
    from lungdb.procedures import list_extensions
    return list_extensions()

OutputDataSet, ErrorNumber, ErrorMessage = main()
',
        @params = N'@ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    BEGIN TRANSACTION;
    DELETE e
    FROM dbo.extensions AS e
    WHERE e.kind <> 'pooling' OR (NOT EXISTS (SELECT 1 FROM dbo.pooled_features AS p WHERE p.pooling = e.name)
        AND NOT EXISTS (SELECT 1 FROM dbo.classifiers AS c WHERE c.pooling = e.name)
        AND NOT EXISTS (SELECT 1 FROM dbo.image_classifiers AS i WHERE i.pooling = e.name));
    SELECT TOP (1) @Message = CONCAT(N'The pooling ''', e.name, N''' made ', e.times, N' numbers of a feature so far, and makes ', f.times,
        N' with the package ', f.package, N'. Install the version before, or delete what was made with this pooling first.')
    FROM dbo.extensions AS e
    INNER JOIN #found AS f ON f.kind = e.kind AND f.name = e.name
    WHERE f.times <> e.times;
    -- What still stands here as a pooling has made features, or a model that reads them.
    SELECT TOP (1) @Message = CONCAT(N'Features or models were made with the pooling ''', e.name, N''' of the package ', e.package,
        N', and the package ', f.package, N' is installed. Install the version before, or delete what was made with this pooling first.')
    FROM dbo.extensions AS e
    INNER JOIN #found AS f ON f.kind = e.kind AND f.name = e.name
    WHERE e.kind = 'pooling' AND f.package <> e.package AND @Message IS NULL;
    SET @Message = REPLACE(@Message, N'%', N'%%');
    IF @Message IS NOT NULL
        THROW 50394, @Message, 1;
    INSERT INTO dbo.extensions (kind, name, package, times)
    SELECT f.kind, f.name, f.package, NULLIF(f.times, 0)
    FROM #found AS f
    WHERE NOT EXISTS (SELECT 1 FROM dbo.extensions AS e WHERE e.kind = f.kind AND e.name = f.name);
    COMMIT TRANSACTION;
    SELECT kind, name, package, times FROM dbo.extensions ORDER BY kind, name;
END;
