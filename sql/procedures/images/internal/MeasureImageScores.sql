-- MeasureImageScores: measures the scores of a training, of each part; the classes of test pictures come from here, not from the script.
-- Called by TrainImageClassifier, whose tables #units, #known, #result and #classes it reads, and whose other tables it fills.
CREATE OR ALTER PROCEDURE internal.MeasureImageScores
    @IsExclusive BIT -- 1 where a picture has one class
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    -- A class that only pictures of the part test have is told of none.
    INSERT INTO #classes (label)
    SELECT DISTINCT label FROM #known WHERE label NOT IN (SELECT label FROM #classes);
    INSERT INTO #true (part, example, label)
    SELECT u.part, k.unit, k.label FROM #known AS k INNER JOIN #units AS u ON u.unit = k.unit;
    INSERT INTO #scored (part, example, label, value)
    SELECT u.part, r.unit, r.label, r.score FROM #result AS r INNER JOIN #units AS u ON u.unit = r.unit;
    EXECUTE internal.MeasureClasses @IsExclusive;
END;
