-- MatchNodules: matches the nodules of each study with those of the one before: pairs of which each is the other's nearest.
-- Called by CompareNodules, whose table #matches it fills, and whose tables #spots and #shifts it reads.
CREATE OR ALTER PROCEDURE internal.MatchNodules
    @Within FLOAT -- millimetres that the nodules of a pair are apart at most, after the shift
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DELETE FROM #matches;
    INSERT INTO #matches (place, first_id, second_id, distance)
    SELECT r.place, r.first_id, r.second_id, r.distance
    FROM (
        SELECT d.place, d.first_id, d.second_id, d.distance,
            ROW_NUMBER() OVER (PARTITION BY d.first_id, d.place ORDER BY d.distance, d.second_id) AS of_first,
            ROW_NUMBER() OVER (PARTITION BY d.second_id, d.place ORDER BY d.distance, d.first_id) AS of_second
        FROM (
            SELECT b.place, a.nodule_id AS first_id, b.nodule_id AS second_id,
                SQRT(SQUARE(a.x + s.x - b.x) + SQUARE(a.y + s.y - b.y) + SQUARE(a.z + s.z - b.z)) AS distance
            FROM #spots AS a
            INNER JOIN #spots AS b ON b.place = a.place + 1
            INNER JOIN #shifts AS s ON s.place = b.place) AS d
        WHERE d.distance <= @Within) AS r
    WHERE r.of_first = 1 AND r.of_second = 1;
END;
