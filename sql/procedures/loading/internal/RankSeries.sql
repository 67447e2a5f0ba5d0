-- RankSeries: puts the stored scans of every study in the order of a series rule; place 1 is its choice.
-- Called by ChooseSeries, whose table #kernels it reads and whose table #ranked it fills.
CREATE OR ALTER PROCEDURE internal.RankSeries
    @Low FLOAT,        -- as ReadSeriesRule gives it
    @High FLOAT,       -- as ReadSeriesRule gives it
    @PrefersSlices BIT -- as ReadSeriesRule gives it
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Levels INT = (SELECT COALESCE(MAX(level) + 1, 0) FROM #kernels), @Endless FLOAT = CAST(N'1e300' AS FLOAT);
    INSERT INTO #ranked (scan_id, patient_id, study_uid, place, is_virtual, is_short, away, level, gap, images)
    SELECT k.scan_id, k.patient_id, k.study_uid,
        ROW_NUMBER() OVER (
            PARTITION BY k.patient_id, k.study_uid
            ORDER BY k.is_virtual, k.is_short, k.away, k.level, IIF(@PrefersSlices = 1, -k.images, k.gap),
                IIF(@PrefersSlices = 1, k.gap, -k.images), k.uid),
        k.is_virtual, k.is_short, k.away, k.level, k.gap, k.images
    FROM (
        SELECT s.scan_id, s.patient_id, s.study_uid,
            CASE WHEN s.monoenergetic_kev IS NOT NULL AND t.conventional > 0 THEN 1 ELSE 0 END AS is_virtual,
            CASE WHEN 2 * (s.number_images * COALESCE(s.spacing_z, 0)) < t.longest THEN 1 ELSE 0 END AS is_short,
            CASE WHEN @Low IS NULL THEN CAST(0 AS FLOAT)
                WHEN COALESCE(s.slice_thickness, s.spacing_z) IS NULL THEN @Endless
                WHEN COALESCE(s.slice_thickness, s.spacing_z) < @Low
                    THEN FLOOR(100 * (@Low - COALESCE(s.slice_thickness, s.spacing_z)) + 0.5)
                WHEN COALESCE(s.slice_thickness, s.spacing_z) > @High
                    THEN FLOOR(100 * (COALESCE(s.slice_thickness, s.spacing_z) - @High) + 0.5)
                ELSE CAST(0 AS FLOAT) END AS away,
            COALESCE((
                SELECT MIN(n.level) FROM #kernels AS n
                WHERE LOWER(LEFT(s.convolution_kernel, CHARINDEX(N'\', s.convolution_kernel + N'\') - 1)) LIKE n.name), @Levels) AS level,
            COALESCE(FLOOR(100 * s.spacing_z + 0.5), @Endless) AS gap, CAST(s.number_images AS FLOAT) AS images,
            -- Bytes compare alike under every collation.
            CONVERT(VARBINARY(128), s.series_uid) AS uid
        FROM dbo.scans AS s
        INNER JOIN (
            SELECT patient_id, study_uid, SUM(CASE WHEN monoenergetic_kev IS NULL THEN 1 ELSE 0 END) AS conventional,
                COALESCE(MAX(CASE WHEN monoenergetic_kev IS NULL THEN number_images * COALESCE(spacing_z, 0) END),
                    MAX(number_images * COALESCE(spacing_z, 0))) AS longest
            FROM dbo.scans
            GROUP BY patient_id, study_uid) AS t ON t.patient_id = s.patient_id AND t.study_uid = s.study_uid) AS k;
END;
