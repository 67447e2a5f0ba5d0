-- CheckRows: refuses what a script gave back unless it belongs to what it was sent one to one: nothing missing, unknown or double.
-- Called by StoreFeatures and every other procedure whose script gives back rows, after filling the tables #sent and #came.
CREATE OR ALTER PROCEDURE internal.CheckRows
    @What NVARCHAR(60),  -- what a place is the number of, such as N'rows' or N'scan_ids'
    @RunId INT = NULL    -- row of dbo.runs that ends with it
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Missing INT, @Unknown INT, @Double INT, @Some NVARCHAR(200);
    CREATE TABLE #wrong (place INT NOT NULL, kind CHAR(1) COLLATE DATABASE_DEFAULT NOT NULL);
    INSERT INTO #wrong (place, kind)
    SELECT s.place, 'm'
    FROM #sent AS s
    LEFT JOIN #came AS c ON c.place = s.place AND c.part = s.part
    WHERE c.place IS NULL;
    INSERT INTO #wrong (place, kind)
    SELECT COALESCE(c.place, -1), 'u'
    FROM #came AS c
    LEFT JOIN #sent AS s ON s.place = c.place AND s.part = c.part
    WHERE s.place IS NULL;
    INSERT INTO #wrong (place, kind)
    SELECT c.place, 'd'
    FROM #came AS c
    WHERE c.place IS NOT NULL
    GROUP BY c.place, c.part
    HAVING COUNT(*) > 1;
    IF NOT EXISTS (SELECT 1 FROM #wrong)
        RETURN 0;

    SELECT @Missing = SUM(CASE kind WHEN 'm' THEN 1 ELSE 0 END), @Unknown = SUM(CASE kind WHEN 'u' THEN 1 ELSE 0 END),
        @Double = SUM(CASE kind WHEN 'd' THEN 1 ELSE 0 END)
    FROM #wrong;
    SET @Some = (
        SELECT STRING_AGG(CAST(w.place AS NVARCHAR(12)), N', ') WITHIN GROUP (ORDER BY w.place)
        FROM (SELECT DISTINCT TOP (5) place FROM #wrong ORDER BY place) AS w);
    SET @Message = CONCAT(N'The script was sent ', (SELECT COUNT(*) FROM #sent), N' rows and gave back ', (SELECT COUNT(*) FROM #came),
        N', of which ', @Missing, N' are missing, ', @Unknown, N' unknown and ', @Double, N' there twice; the first ', @What, N': ', @Some,
        N'. Nothing of this call is stored. Call it again; if it happens again, the language of the external scripts damages results: ',
        N'see EXECUTE dbo.Doctor;');
    EXECUTE internal.EndRun @RunId, 0, @Message;
    THROW 50230, @Message, 1;
END;
