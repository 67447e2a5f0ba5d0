-- ComposeLoss: writes the middle of a training step: from the sums of the last layer to the cross-entropy and the slopes of these sums.
-- Called by ComposeStep, whose banner says what the tables hold.
CREATE OR ALTER PROCEDURE internal.ComposeLoss
    @Middle NVARCHAR(MAX) OUTPUT -- fills #losses, #odd or #even, and #odd_slopes or #even_slopes
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Last INT = (SELECT MAX(layer) FROM #layers), @Units NVARCHAR(MAX), @Copies NVARCHAR(MAX), @Largest NVARCHAR(MAX);
    DECLARE @Shares NVARCHAR(MAX), @Values NVARCHAR(MAX), @Slopes NVARCHAR(MAX), @Own NVARCHAR(MAX);
    -- A group, though of one row, is computed once, where an engine may compute a column of a derived table wherever its name stands. That
    -- costs less than the group where the classes are few.
    DECLARE @IsGrouped INT = CASE WHEN (SELECT units FROM #layers WHERE layer = @Last) > 3 THEN 1 ELSE 0 END;
    SELECT @Units = STRING_AGG(CAST(CONCAT(N'v', unit) AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY unit),
        @Copies = STRING_AGG(CAST(CONCAT(CASE WHEN @IsGrouped = 1 THEN CONCAT(N'MAX(u.v', unit, N')')
            ELSE CONCAT(N'u.v', unit) END, N' AS v', unit) AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY unit),
        @Shares = STRING_AGG(CAST(CONCAT(N'EXP(m.v', unit, N' - m.largest)') AS NVARCHAR(MAX)), N' + ') WITHIN GROUP (ORDER BY unit),
        @Values = STRING_AGG(CAST(CONCAT(N'm.v', unit, N' - m.largest') AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY unit),
        @Slopes = STRING_AGG(CAST(CONCAT(N'(EXP(v', unit, N' - logarithm) - CASE WHEN label = ', unit, N' THEN 1 ELSE 0 END) * @Share')
            AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY unit),
        @Own = STRING_AGG(CAST(CONCAT(N'WHEN ', unit, N' THEN v', unit) AS NVARCHAR(MAX)), N' ') WITHIN GROUP (ORDER BY unit)
    FROM #weights
    WHERE layer = @Last AND input = -1;
    -- A unit's sum is the largest where none of the later ones is larger and no earlier one was taken.
    SELECT @Largest = STRING_AGG(CONCAT(N'WHEN ', t.tests, N' THEN u.v', t.unit), N' ') WITHIN GROUP (ORDER BY t.unit)
    FROM (
        SELECT a.unit, STRING_AGG(CAST(CONCAT(N'u.v', a.unit, N' >= u.v', b.unit) AS NVARCHAR(MAX)), N' AND ')
            WITHIN GROUP (ORDER BY b.unit) AS tests
        FROM #weights AS a
        INNER JOIN #weights AS b ON b.layer = @Last AND b.input = -1 AND b.unit > a.unit
        WHERE a.layer = @Last AND a.input = -1
        GROUP BY a.unit) AS t;
    SET @Largest = CONCAT(N'CASE ', @Largest, N' ELSE u.v', (SELECT units - 1 FROM #layers WHERE layer = @Last), N' END');

    SET @Copies = CONCAT(CASE WHEN @IsGrouped = 1 THEN N'MAX(u.label) AS label, ' ELSE N'u.label, ' END, @Copies);
    IF @IsGrouped = 1
        SET @Largest = CONCAT(N'MAX(', @Largest, N')');

    -- EXP of a large number is an error: the largest sum of the example is subtracted first.
    SET @Middle = REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(CAST(N'
INSERT INTO $into (layer, example, label, logarithm, $units)
SELECT $shifted, m.example, m.label, LOG($shares), $values
FROM (SELECT u.example, $copies, $largest AS largest FROM $from AS u WHERE u.layer = $sums$grouped) AS m;
INSERT INTO #losses (iteration, cross_entropy)
SELECT @Iteration, AVG(logarithm - CASE label $own END) FROM $into WHERE layer = $shifted;
DECLARE @Share FLOAT = CAST(1 AS FLOAT) / @BatchSize;
INSERT INTO $into_slopes (layer, example, $units)
SELECT $last, example, $slopes FROM $into WHERE layer = $shifted;' AS NVARCHAR(MAX)),
        N'$units', @Units), N'$shares', @Shares), N'$values', @Values), N'$copies', @Copies), N'$largest', @Largest), N'$own', @Own),
        N'$slopes', @Slopes), N'$grouped', CASE WHEN @IsGrouped = 1 THEN N' GROUP BY u.example' ELSE N'' END);
    SET @Middle = REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(@Middle, N'$into', CASE WHEN @Last % 2 = 1 THEN N'#odd' ELSE N'#even' END),
        N'$from', CASE WHEN @Last % 2 = 1 THEN N'#even' ELSE N'#odd' END), N'$last', @Last),
        N'$sums', @Last + 1), N'$shifted', @Last + 2);
END;
