-- CheckImageScores: refuses scores of pictures that a script gave back unless they are one for each unit and class, between 0 and 1.
-- Called by TrainImageClassifier and PredictImages, whose tables #units and #result it reads, and whose table #classes it fills.
CREATE OR ALTER PROCEDURE internal.CheckImageScores
    @Part VARCHAR(10),  -- train where the classes are those of the part train in #known; NULL where #classes has them
    @RunId INT          -- row of dbo.runs
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    IF @Part IS NOT NULL
        INSERT INTO #classes (label)
        SELECT DISTINCT k.label FROM #known AS k INNER JOIN #units AS u ON u.unit = k.unit WHERE u.part = @Part;
    INSERT INTO #sent (place, part)
    SELECT u.unit, c.label FROM #units AS u CROSS JOIN #classes AS c;
    INSERT INTO #came (place, part)
    SELECT unit, CASE WHEN score BETWEEN 0 AND 1 THEN label ELSE -1 END FROM #result;
    EXECUTE internal.CheckRows N'pictures', @RunId;
END;
