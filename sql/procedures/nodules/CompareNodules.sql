-- CompareNodules: how the nodules of a patient have changed from study to study, matched by position, with volumes and doubling times.
-- Example: EXECUTE dbo.CompareNodules @PatientIndex = 0, @ModelName = N'my_detector';
CREATE OR ALTER PROCEDURE dbo.CompareNodules
    @PatientIndex INT = NULL,                -- idx of the patient, 0 and up; needed
    @ModelName NVARCHAR(128) = NULL,         -- detector whose nodules are compared; NULL means those that readers marked
    @Preprocessing NVARCHAR(32) = N'volume', -- preprocessing by which it searched
    @LeastScore FLOAT = 0.5,                 -- score of its candidates at least, 0 to 1
    @Within FLOAT = 15,                      -- millimetres that a nodule may seem to have moved, 0 to 200
    @Help BIT = 0                            -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.CompareNodules returns a row for each nodule of two studies that follow each other: matched, new or gone.
Of a study the series that the rule chose counts. Positions are compared as they are where both scans have one frame of reference, else
after a shift by the middles of what was scanned, and by the median shift of the pairs where three and more are found. Two nodules match
that are each other''s nearest and not farther apart than @Within. A nodule without a volume is taken for a sphere of its diameter. The
doubling time is days * ln 2 / ln(V2 / V1), below 0 where it shrinks; reason says why there is none. has_grown is 1 from 25 % on, below
which a change may be error of measurement. It sees no more than the tables hold: look at the pictures before a match is believed.
Parameters:
    @PatientIndex INT = NULL                 idx of the patient, 0 and up; needed
    @ModelName NVARCHAR(128) = NULL          detector whose nodules are compared; NULL means those that readers marked
    @Preprocessing NVARCHAR(32) = N''volume''  preprocessing by which it searched
    @LeastScore FLOAT = 0.5                  score of its candidates at least, 0 to 1
    @Within FLOAT = 15                       millimetres that a nodule may seem to have moved, 0 to 200
    @Help BIT = 0                            1 prints this help and does nothing else
Example:
    EXECUTE dbo.CompareNodules @PatientIndex = 0, @ModelName = N''my_detector'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @PatientId NVARCHAR(64), @NetworkId INT, @ScanId INT, @Wide FLOAT = 2 * @Within;
    CREATE TABLE #studies (
        place INT NOT NULL PRIMARY KEY, scan_id INT NOT NULL, study_day DATE NULL, is_ordered BIT NOT NULL,
        date_rule VARCHAR(8) COLLATE DATABASE_DEFAULT NULL);
    CREATE TABLE #spots (
        nodule_id INT NOT NULL PRIMARY KEY, place INT NOT NULL, x FLOAT NOT NULL, y FLOAT NOT NULL, z FLOAT NOT NULL, diameter FLOAT NULL,
        volume FLOAT NULL, is_sphere BIT NOT NULL);
    CREATE TABLE #shifts (
        place INT NOT NULL PRIMARY KEY, x FLOAT NOT NULL, y FLOAT NOT NULL, z FLOAT NOT NULL,
        [rule] NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #matches (place INT NOT NULL, first_id INT NOT NULL, second_id INT NOT NULL, distance FLOAT NOT NULL);
    IF @LeastScore IS NULL OR @LeastScore NOT BETWEEN 0 AND 1 OR @Within IS NULL OR @Within NOT BETWEEN 0 AND 200
    BEGIN
        SET @Message = IIF(@LeastScore BETWEEN 0 AND 1,
            CONCAT(N'The value ', COALESCE(CAST(@Within AS NVARCHAR(30)), N'NULL'),
                N' for the parameter @Within is not supported. Supported values are 0 to 200.'),
            CONCAT(N'The value ', COALESCE(CAST(@LeastScore AS NVARCHAR(30)), N'NULL'),
                N' for the parameter @LeastScore is not supported. Supported values are 0 to 1.'));
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.FindScan @PatientIndex, @ScanId OUTPUT;
    SET @PatientId = (SELECT patient_id FROM dbo.scans WHERE scan_id = @ScanId);
    IF @ModelName IS NOT NULL
        EXECUTE internal.FindNetwork NULL, @ModelName, @NetworkId OUTPUT;
    EXECUTE internal.PlaceStudies @PatientId, @NetworkId, @Preprocessing, @LeastScore;

    EXECUTE internal.MatchNodules @Wide;
    UPDATE s
    SET s.x = s.x + m.x, s.y = s.y + m.y, s.z = s.z + m.z, s.[rule] = CONCAT(s.[rule], N', median shift')
    FROM #shifts AS s
    INNER JOIN (
        SELECT r.place, AVG(IIF(r.of_x IN ((r.pairs + 1) / 2, (r.pairs + 2) / 2), r.x, NULL)) AS x,
            AVG(IIF(r.of_y IN ((r.pairs + 1) / 2, (r.pairs + 2) / 2), r.y, NULL)) AS y,
            AVG(IIF(r.of_z IN ((r.pairs + 1) / 2, (r.pairs + 2) / 2), r.z, NULL)) AS z
        FROM (
            SELECT d.place, d.x, d.y, d.z, COUNT(*) OVER (PARTITION BY d.place) AS pairs,
                ROW_NUMBER() OVER (PARTITION BY d.place ORDER BY d.x) AS of_x,
                ROW_NUMBER() OVER (PARTITION BY d.place ORDER BY d.y) AS of_y,
                ROW_NUMBER() OVER (PARTITION BY d.place ORDER BY d.z) AS of_z
            FROM (
                SELECT m.place, b.x - a.x - t.x AS x, b.y - a.y - t.y AS y, b.z - a.z - t.z AS z
                FROM #matches AS m
                INNER JOIN #spots AS a ON a.nodule_id = m.first_id
                INNER JOIN #spots AS b ON b.nodule_id = m.second_id
                INNER JOIN #shifts AS t ON t.place = m.place) AS d) AS r
        WHERE r.pairs >= 3
        GROUP BY r.place) AS m ON m.place = s.place
    WHERE s.[rule] <> N'frame of reference';
    EXECUTE internal.MatchNodules @Within;

    SELECT k.first_scan_id, k.second_scan_id, k.days, c.state, c.first_id AS first_nodule_id,
        c.second_id AS second_nodule_id, p.diameter AS first_diameter, q.diameter AS second_diameter, p.volume AS first_volume,
        q.volume AS second_volume, CAST(IIF(p.is_sphere = 1 OR q.is_sphere = 1, 1, 0) AS BIT) AS is_sphere, c.distance,
        s.[rule] AS aligned_by, 100 * (q.volume / p.volume - 1) AS change_percent,
        CAST(CASE WHEN q.volume / p.volume >= 1.25 THEN 1 WHEN q.volume / p.volume < 1.25 THEN 0 END AS BIT) AS has_grown,
        CASE WHEN q.volume <> p.volume THEN k.days * LOG(2) / LOG(q.volume / p.volume) END AS doubling_days,
        CASE WHEN c.state <> N'matched' THEN N'in one study only'
            WHEN p.volume IS NULL OR q.volume IS NULL THEN N'no volume and no diameter'
            WHEN k.days IS NULL THEN IIF(k.is_ordered = 1, N'the days between the studies are not known',
                N'neither the days nor the order of the studies are known')
            WHEN q.volume = p.volume THEN N'the volume is the same' END AS reason
    FROM (
        SELECT m.place, N'matched' AS state, m.first_id, m.second_id, m.distance FROM #matches AS m
        UNION ALL
        SELECT n.place, N'new', CAST(NULL AS INT), n.nodule_id, CAST(NULL AS FLOAT)
        FROM #spots AS n
        WHERE n.place > 1 AND NOT EXISTS (SELECT 1 FROM #matches AS m WHERE m.second_id = n.nodule_id AND m.place = n.place)
        UNION ALL
        SELECT n.place + 1, N'gone', n.nodule_id, CAST(NULL AS INT), CAST(NULL AS FLOAT)
        FROM #spots AS n
        WHERE NOT EXISTS (SELECT 1 FROM #matches AS m WHERE m.first_id = n.nodule_id AND m.place = n.place + 1)) AS c
    INNER JOIN #shifts AS s ON s.place = c.place
    INNER JOIN (
        SELECT b.place, a.scan_id AS first_scan_id, b.scan_id AS second_scan_id,
            IIF(a.is_ordered = 1 AND b.is_ordered = 1, 1, 0) AS is_ordered,
            CASE WHEN a.date_rule = b.date_rule THEN NULLIF(DATEDIFF(DAY, a.study_day, b.study_day), 0) END AS days
        FROM #studies AS b
        INNER JOIN #studies AS a ON a.place = b.place - 1) AS k ON k.place = c.place
    LEFT JOIN #spots AS p ON p.nodule_id = c.first_id
    LEFT JOIN #spots AS q ON q.nodule_id = c.second_id
    ORDER BY c.place, c.state, COALESCE(q.volume, p.volume) DESC, c.first_id, c.second_id;
END;
