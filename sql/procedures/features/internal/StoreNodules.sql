-- StoreNodules: replaces the nodules that a network found in the scans of #made, by those in #result.
-- Called by StoreFeatures in its transaction, whose tables #made and #result it reads.
CREATE OR ALTER PROCEDURE internal.StoreNodules
    @NetworkId INT,              -- the detector
    @Preprocessing NVARCHAR(32)  -- one of dbo.preprocessings
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    -- Scores of later stages go with them.
    DELETE n
    FROM dbo.nodules AS n
    INNER JOIN #made AS m ON m.scan_id = n.scan_id
    INNER JOIN #result AS r ON r.scan_id = m.scan_id AND r.layer = m.layer AND r.nodules <> N''
    WHERE n.source = 'network' AND n.network_id = @NetworkId AND (n.preprocessing = @Preprocessing OR n.preprocessing IS NULL);
    INSERT INTO dbo.nodules (scan_id, x, y, z, diameter, volume, source, network_id, preprocessing, score, content_sha256)
    SELECT s.scan_id, f.x, f.y, f.z, f.diameter, f.volume, 'network', @NetworkId, @Preprocessing, f.score, s.content_sha256
    FROM #made AS m
    INNER JOIN dbo.scans AS s ON s.scan_id = m.scan_id
    INNER JOIN #result AS r ON r.scan_id = m.scan_id AND r.layer = m.layer AND r.nodules <> N''
    CROSS APPLY OPENJSON(r.nodules) WITH (x FLOAT, y FLOAT, z FLOAT, diameter FLOAT, volume FLOAT, score FLOAT) AS f;
END;
