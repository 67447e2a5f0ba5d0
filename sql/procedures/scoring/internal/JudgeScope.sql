-- JudgeScope: says of the scans in #judged whether they stand outside what a version knows, and in what, in one sentence. A length is
-- outside when it is a tenth shorter or longer than any of the training patients'; contrast and kernel, when none of them had that;
-- features, when their distance is larger than dbo.model_scope has it. What is not known of a scan is not outside, and is named.
-- A version without rows in dbo.model_scope judges nothing, and the sentence says why.
-- Called by StorePredictions and StoreScope, whose table #judged it fills; the distances are in it.
CREATE OR ALTER PROCEDURE internal.JudgeScope
    @ClassifierId INT -- the version
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Known INT, @Thinnest FLOAT, @Thickest FLOAT, @Shortest FLOAT, @Longest FLOAT, @Contrasts INT, @Kernels INT, @Farthest FLOAT,
        @IsImported BIT;
    SELECT @Thinnest = t.low, @Thickest = t.high, @Shortest = v.low, @Longest = v.high, @Farthest = d.high,
        @Known = (SELECT COUNT(*) FROM dbo.model_scope AS m WHERE m.classifier_id = @ClassifierId),
        @Contrasts = (SELECT COUNT(*) FROM dbo.model_scope AS m WHERE m.classifier_id = @ClassifierId AND m.item = 'contrast'),
        @Kernels = (SELECT COUNT(*) FROM dbo.model_scope AS m WHERE m.classifier_id = @ClassifierId AND m.item = 'kernel')
    FROM (SELECT 1 AS one) AS o
    LEFT JOIN dbo.model_scope AS t ON t.classifier_id = @ClassifierId AND t.item = 'thickness'
    LEFT JOIN dbo.model_scope AS v ON v.classifier_id = @ClassifierId AND v.item = 'coverage'
    LEFT JOIN dbo.model_scope AS d ON d.classifier_id = @ClassifierId AND d.item = 'distance';
    IF @Known = 0
    BEGIN
        SELECT @IsImported = CASE WHEN JSON_VALUE(details, N'$.origin.kind') = N'imported' THEN 1 ELSE 0 END
        FROM dbo.classifiers
        WHERE classifier_id = @ClassifierId;
        UPDATE #judged
        SET scope_reason = CASE @IsImported
            WHEN 1 THEN N'Not judged: the model was made elsewhere, and what it was trained on is not known.'
            ELSE N'Not judged: what the scans that the model was trained on are like is not recorded.' END;
        RETURN 0;
    END;

    -- STUFF takes the first comma away, and gives NULL where there is nothing. Sums of the same numbers in another order differ by less
    -- than a part in 10⁹.
    UPDATE j
    SET j.scope = IIF(f.outside IS NULL, 'inside', 'outside'),
        j.scope_reason = NULLIF(LEFT(CONCAT(N'Outside what the model was trained on: ' + f.outside + N'.',
            IIF(f.outside IS NOT NULL AND f.unknown IS NOT NULL, N' ', N''), N'Not known of the scan: ' + f.unknown + N'.'), 400), N'')
    FROM #judged AS j
    INNER JOIN (
        SELECT q.scan_id,
            STUFF(CONCAT(
                CASE WHEN s.thickness < 0.9 * @Thinnest OR s.thickness > 1.1 * @Thickest
                    THEN CONCAT(N', slice thickness ', LTRIM(STR(s.thickness, 12, 2)), N' mm (', LTRIM(STR(@Thinnest, 12, 2)), N' to ',
                        LTRIM(STR(@Thickest, 12, 2)), N')') END,
                CASE WHEN s.coverage < 0.9 * @Shortest OR s.coverage > 1.1 * @Longest
                    THEN CONCAT(N', coverage ', LTRIM(STR(s.coverage, 12, 0)), N' mm (', LTRIM(STR(@Shortest, 12, 0)), N' to ',
                        LTRIM(STR(@Longest, 12, 0)), N')') END,
                CASE WHEN @Contrasts > 0 AND s.contrast IS NOT NULL AND NOT EXISTS (
                        SELECT 1 FROM dbo.model_scope AS m
                        WHERE m.classifier_id = @ClassifierId AND m.item = 'contrast' AND m.text = s.contrast)
                    THEN CONCAT(N', ', s.contrast, N' (no such scan)') END,
                CASE WHEN @Kernels > 0 AND s.kernel IS NOT NULL AND NOT EXISTS (
                        SELECT 1 FROM dbo.model_scope AS m
                        WHERE m.classifier_id = @ClassifierId AND m.item = 'kernel' AND m.text = s.kernel)
                    THEN CONCAT(N', kernel ', s.kernel, N' (not among ', @Kernels, N')') END,
                CASE WHEN q.distance > @Farthest * (1 + CAST(N'1e-9' AS FLOAT))
                    THEN CONCAT(N', features at a distance of ', LTRIM(STR(q.distance, 12, 2)), N' (up to ',
                        LTRIM(STR(@Farthest, 12, 2)), N')') END), 1, 2, N'') AS outside,
            STUFF(CONCAT(
                CASE WHEN @Thickest IS NOT NULL AND s.thickness IS NULL THEN N', slice thickness' END,
                CASE WHEN @Longest IS NOT NULL AND s.coverage IS NULL THEN N', coverage' END,
                CASE WHEN @Contrasts > 0 AND s.contrast IS NULL THEN N', contrast' END,
                CASE WHEN @Kernels > 0 AND s.kernel IS NULL THEN N', kernel' END), 1, 2, N'') AS unknown
        FROM #judged AS q
        INNER JOIN dbo.scan_scope AS s ON s.scan_id = q.scan_id) AS f ON f.scan_id = j.scan_id;
END;
