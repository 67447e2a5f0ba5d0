-- ComposeLayer: writes what a layer does in a training step: there, its units from those of the layer before; back, its gradients, and the
-- slopes of the layer before. Called by ComposeStep, whose banner says what the tables hold.
CREATE OR ALTER PROCEDURE internal.ComposeLayer
    @Layer INT,                  -- number in #layers
    @There NVARCHAR(MAX) OUTPUT, -- fills #odd or #even
    @Back NVARCHAR(MAX) OUTPUT   -- fills #gradients, and #odd_slopes or #even_slopes
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Weights NVARCHAR(MAX), @Units NVARCHAR(MAX), @Sums NVARCHAR(MAX), @Values NVARCHAR(MAX), @Products NVARCHAR(MAX);
    DECLARE @Cases NVARCHAR(MAX), @Inputs NVARCHAR(MAX), @Slopes NVARCHAR(MAX);
    DECLARE @From NVARCHAR(20) = CASE WHEN @Layer = 0 THEN N'#inputs' WHEN @Layer % 2 = 1 THEN N'#odd' ELSE N'#even' END;
    DECLARE @Own NVARCHAR(20) = CASE WHEN @Layer % 2 = 1 THEN N'#odd' ELSE N'#even' END;
    DECLARE @Other NVARCHAR(20) = CASE WHEN @Layer % 2 = 1 THEN N'#even' ELSE N'#odd' END;
    DECLARE @IsRelu INT = CASE WHEN @Layer < (SELECT MAX(layer) FROM #layers) THEN 1 ELSE 0 END;
    -- The weights of the layer as one row, and as many sums of products.
    SELECT @Weights = STRING_AGG(CAST(CONCAT(N'SUM(CASE WHEN input = ', input, N' AND unit = ', unit, N' THEN value ELSE 0 END) AS w',
            input + 1, N'_', unit) AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY input, unit),
        @Products = STRING_AGG(CAST(CONCAT(N'SUM(', CASE WHEN input >= 0 THEN CONCAT(N'u.v', input, N' * ') ELSE N'' END, N'd.v', unit,
            N') AS g', input + 1, N'_', unit) AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY input, unit)
    FROM #weights
    WHERE layer = @Layer;
    SELECT @Units = STRING_AGG(CAST(CONCAT(N'v', t.unit) AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY t.unit),
        @Sums = STRING_AGG(CONCAT(t.terms, N' AS v', t.unit), N', ') WITHIN GROUP (ORDER BY t.unit),
        @Values = STRING_AGG(CAST(CASE WHEN @IsRelu = 1 THEN CONCAT(N'CASE WHEN s.v', t.unit, N' > 0 THEN s.v', t.unit, N' ELSE 0 END')
            ELSE CONCAT(N's.v', t.unit) END AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY t.unit)
    FROM (
        SELECT unit, STRING_AGG(CAST(CONCAT(N'w.w', input + 1, N'_', unit, CASE WHEN input >= 0 THEN CONCAT(N' * u.v', input) ELSE N'' END)
            AS NVARCHAR(MAX)), N' + ') WITHIN GROUP (ORDER BY input) AS terms
        FROM #weights
        WHERE layer = @Layer
        GROUP BY unit) AS t;
    SET @There = REPLACE(REPLACE(REPLACE(REPLACE(CAST(N'
INSERT INTO $other (layer, example, label, $units)
SELECT $next, s.example, s.label, $values
FROM (SELECT u.example, u.label, $sums FROM $weights CROSS JOIN $from AS u WHERE u.layer = $layer) AS s;' AS NVARCHAR(MAX)),
        N'$other', @Other), N'$units', @Units), N'$values', @Values), N'$sums', @Sums);

    SELECT @Cases = STRING_AGG(CONCAT(N'WHEN ', t.input, N' THEN CASE w.unit ', t.cases, N' END'), N' ') WITHIN GROUP (ORDER BY t.input),
        @Inputs = STRING_AGG(CAST(CASE WHEN t.input >= 0 THEN CONCAT(N'v', t.input) END AS NVARCHAR(MAX)), N', ')
            WITHIN GROUP (ORDER BY t.input),
        -- Where a unit is 0 so is its slope.
        @Slopes = STRING_AGG(CASE WHEN t.input >= 0 THEN CONCAT(N'CASE WHEN u.v', t.input, N' > 0 THEN ', t.terms, N' ELSE 0 END') END,
            N', ') WITHIN GROUP (ORDER BY t.input)
    FROM (
        SELECT input, STRING_AGG(CAST(CONCAT(N'WHEN ', unit, N' THEN s.g', input + 1, N'_', unit) AS NVARCHAR(MAX)), N' ')
                WITHIN GROUP (ORDER BY unit) AS cases,
            STRING_AGG(CAST(CONCAT(N'd.v', unit, N' * w.w', input + 1, N'_', unit) AS NVARCHAR(MAX)), N' + ')
                WITHIN GROUP (ORDER BY unit) AS terms
        FROM #weights
        WHERE layer = @Layer
        GROUP BY input) AS t;
    SET @Back = REPLACE(REPLACE(REPLACE(CAST(N'
INSERT INTO #gradients (layer, input, unit, value)
SELECT $layer, w.input, w.unit, CASE w.input $cases END
FROM (SELECT $products FROM $slopes AS d INNER JOIN $from AS u ON u.layer = $layer AND u.example = d.example WHERE d.layer = $layer) AS s
CROSS JOIN #weights AS w
WHERE w.layer = $layer;' AS NVARCHAR(MAX)), N'$cases', @Cases), N'$products', @Products), N'$slopes', CONCAT(@Own, N'_slopes'));
    IF @Layer > 0
        SET @Back = CONCAT(@Back, REPLACE(REPLACE(REPLACE(REPLACE(CAST(N'
INSERT INTO $lower (layer, example, $inputs)
SELECT $before, d.example, $values
FROM $weights
CROSS JOIN $slopes AS d
INNER JOIN $from AS u ON u.layer = $layer AND u.example = d.example
WHERE d.layer = $layer;' AS NVARCHAR(MAX)), N'$lower', CONCAT(@Other, N'_slopes')), N'$inputs', @Inputs), N'$values', @Slopes),
            N'$slopes', CONCAT(@Own, N'_slopes')));
    SET @Weights = CONCAT(N'(SELECT ', @Weights, N' FROM #weights WHERE layer = $layer) AS w');
    SET @There = REPLACE(REPLACE(REPLACE(@There, N'$weights', @Weights), N'$from', @From), N'$next', @Layer + 1);
    SET @There = REPLACE(@There, N'$layer', @Layer);
    SET @Back = REPLACE(REPLACE(REPLACE(@Back, N'$weights', @Weights), N'$from', @From), N'$before', @Layer - 1);
    SET @Back = REPLACE(@Back, N'$layer', @Layer);
END;
