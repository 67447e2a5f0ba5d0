-- FindStages: finds the networks of later stages by their names, in the order given, each in its newest version.
-- Called by EvaluateNodules and ScoreNodules, whose table #stages it fills.
CREATE OR ALTER PROCEDURE internal.FindStages
    @Stages NVARCHAR(1000) -- names in dbo.networks with commas between, or NULL for none
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    IF @Stages IS NULL
        RETURN 0;
    INSERT INTO #stages (position, name, network_id)
    SELECT CAST(j.[key] AS INT), LEFT(LTRIM(RTRIM(j.[value])), 128), (
        SELECT TOP (1) n.network_id FROM dbo.networks AS n
        WHERE n.name = LEFT(LTRIM(RTRIM(j.[value])), 128) COLLATE DATABASE_DEFAULT ORDER BY n.version DESC)
    FROM OPENJSON(CONCAT(N'["', REPLACE(STRING_ESCAPE(@Stages, N'json'), N',', N'","'), N'"]')) AS j;
    SET @Message = (
        SELECT TOP (1) CONCAT(N'No network is named ''', s.name, N'''. Networks that are loaded: ', LEFT(COALESCE((
            SELECT STRING_AGG(CAST(n.name AS NVARCHAR(MAX)), N', ') FROM (SELECT DISTINCT name FROM dbo.networks) AS n), N'none'), 1000),
            N'. Load one with lungdb load-network, or give another name.')
        FROM #stages AS s
        WHERE s.network_id IS NULL
        ORDER BY s.position);
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50102, @Message, 1;
    END;
    SET @Message = (
        SELECT TOP (1) CONCAT(N'The stage ''', s.name, N''' was given twice. Give each stage once.')
        FROM #stages AS s
        GROUP BY s.name
        HAVING COUNT(*) > 1
        ORDER BY s.name);
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
END;
