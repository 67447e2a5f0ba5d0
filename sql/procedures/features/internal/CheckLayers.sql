-- CheckLayers: refuses layers that a network does not have, where its layers are known without Python: its details name some, and
-- dbo.network_layers has the tensor of each node.
-- Called by QueueFeatures and QueueImages; reads the table #layers of whoever queues.
CREATE OR ALTER PROCEDURE internal.CheckLayers
    @NetworkId INT -- the network
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Details NVARCHAR(MAX) = (SELECT details FROM dbo.networks WHERE network_id = @NetworkId), @Missing NVARCHAR(256),
        @Message NVARCHAR(2000);
    CREATE TABLE #known (
        place INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, name NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL, is_named BIT NOT NULL);
    INSERT INTO #known (name, is_named)
    SELECT LEFT(l.[key], 256), 1 FROM OPENJSON(@Details, N'$.layers') AS l;
    -- Names that Python finds for networks without any are not known here.
    IF @@ROWCOUNT = 0 OR NOT EXISTS (SELECT 1 FROM dbo.network_layers WHERE network_id = @NetworkId)
        RETURN 0;
    INSERT INTO #known (name, is_named)
    SELECT name, 0 FROM dbo.network_layers WHERE network_id = @NetworkId AND name <> N'' ORDER BY position DESC;
    -- Python takes names as they are written, whatever the collation.
    SET @Missing = (
        SELECT TOP (1) l.name
        FROM #layers AS l
        WHERE l.name <> N'penultimate' AND NOT EXISTS (
            SELECT 1 FROM #known AS k WHERE CONVERT(VARBINARY(512), k.name) = CONVERT(VARBINARY(512), l.name))
        ORDER BY l.layer);
    IF @Missing IS NULL
        RETURN 0;
    SET @Message = REPLACE(CONCAT(N'The network has no layer ''', @Missing, N'''. It has ', LEFT((
            SELECT STRING_AGG(CAST(k.name AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY k.place)
            FROM #known AS k
            WHERE k.is_named = 1 OR k.place IN (SELECT TOP (3) t.place FROM #known AS t WHERE t.is_named = 0 ORDER BY t.place)), 1000),
        N'; dbo.network_layers has the tensors of all.'), N'%', N'%%');
    THROW 50115, @Message, 1;
END;
