-- PlaceStudies: puts a patient's studies in the order of time, a scan each, with the nodules in them and how far the patient has moved.
-- Called by CompareNodules, whose tables #studies, #spots and #shifts it fills.
CREATE OR ALTER PROCEDURE internal.PlaceStudies
    @PatientId NVARCHAR(64),       -- the patient
    @NetworkId INT,                -- detector, or NULL for what readers marked
    @Preprocessing NVARCHAR(32),   -- preprocessing by which it searched
    @LeastScore FLOAT              -- score of its candidates at least
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    -- Of a study the series that the rule chose, else the primary scan, else the first one loaded.
    INSERT INTO #studies (place, scan_id, study_day, is_ordered, date_rule)
    SELECT ROW_NUMBER() OVER (ORDER BY IIF(t.study_day IS NULL, 1, 0), t.study_day, t.study_year, t.study_order, c.scan_id), c.scan_id,
        t.study_day, IIF(t.study_order IS NOT NULL OR t.study_year IS NOT NULL OR t.study_day IS NOT NULL, 1, 0), t.date_rule
    FROM dbo.patient_studies AS t
    INNER JOIN (
        SELECT s.scan_id, s.study_uid,
            ROW_NUMBER() OVER (PARTITION BY s.study_uid ORDER BY s.is_study_choice DESC, s.is_primary DESC, s.scan_id) AS choice
        FROM dbo.scans AS s
        WHERE s.patient_id = @PatientId) AS c ON c.study_uid = t.study_uid AND c.choice = 1
    WHERE t.patient_id = @PatientId;
    INSERT INTO #spots (nodule_id, place, x, y, z, diameter, volume, is_sphere)
    SELECT n.nodule_id, t.place, n.x, n.y, n.z, n.diameter, COALESCE(n.volume, PI() / 6 * POWER(n.diameter, 3)),
        IIF(n.volume IS NULL, 1, 0)
    FROM dbo.nodules AS n
    INNER JOIN #studies AS t ON t.scan_id = n.scan_id
    INNER JOIN dbo.scans AS s ON s.scan_id = n.scan_id AND s.content_sha256 = n.content_sha256
    WHERE (@NetworkId IS NULL AND n.source = 'truth' AND n.is_relevant = 1)
        OR (n.network_id = @NetworkId AND n.preprocessing = @Preprocessing AND n.score >= @LeastScore);
    -- The middles of what was scanned are taken for the same place, unless both scans have one frame of reference.
    WITH middles AS (
        SELECT t.place, s.frame_of_reference_uid AS frame,
            s.origin_x + (s.image_cols - 1) / 2.0 * s.spacing_x * s.row_x + (s.image_rows - 1) / 2.0 * s.spacing_y * s.column_x
                + (s.number_images - 1) / 2.0 * s.step_x AS x,
            s.origin_y + (s.image_cols - 1) / 2.0 * s.spacing_x * s.row_y + (s.image_rows - 1) / 2.0 * s.spacing_y * s.column_y
                + (s.number_images - 1) / 2.0 * s.step_y AS y,
            s.origin_z + (s.image_cols - 1) / 2.0 * s.spacing_x * s.row_z + (s.image_rows - 1) / 2.0 * s.spacing_y * s.column_z
                + (s.number_images - 1) / 2.0 * s.step_z AS z
        FROM #studies AS t
        INNER JOIN dbo.scans AS s ON s.scan_id = t.scan_id)
    INSERT INTO #shifts (place, x, y, z, [rule])
    SELECT b.place, IIF(a.frame = b.frame, 0, COALESCE(b.x - a.x, 0)), IIF(a.frame = b.frame, 0, COALESCE(b.y - a.y, 0)),
        IIF(a.frame = b.frame, 0, COALESCE(b.z - a.z, 0)),
        CASE WHEN a.frame = b.frame THEN N'frame of reference' WHEN a.x IS NULL OR b.x IS NULL THEN N'none' ELSE N'middles of the scans' END
    FROM middles AS b
    INNER JOIN middles AS a ON a.place = b.place - 1;
END;
