-- NoteChoices: writes into dbo.series_choices why each stored scan is, or is not, the choice of its study.
-- Called by ChooseSeries, whose tables #ranked and #chosen it reads.
CREATE OR ALTER PROCEDURE internal.NoteChoices
    @SeriesRule NVARCHAR(400), -- the rule that ranked them
    @PrefersSlices BIT         -- 1 when the most slices count before the thinnest
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    CREATE TABLE #why (scan_id INT NOT NULL PRIMARY KEY, is_choice BIT NOT NULL, reason NVARCHAR(400) COLLATE DATABASE_DEFAULT NOT NULL);
    INSERT INTO #why (scan_id, is_choice, reason)
    SELECT r.scan_id, CASE WHEN c.scan_id = r.scan_id THEN 1 ELSE 0 END, CASE
        WHEN c.scan_id = r.scan_id AND r.place > 1 THEN N'Chosen: it is the primary scan of its patient, and stays it.'
        WHEN c.scan_id = r.scan_id AND t.series = 1 THEN N'Chosen: it is the only series of its study.'
        WHEN c.scan_id = r.scan_id THEN CONCAT(N'Chosen by the series rule among ', t.series, N' series of its study.')
        WHEN r.place < b.place THEN N'Not chosen: the study holds the primary scan of its patient, which stays.'
        ELSE CONCAT(N'Not chosen: ', CASE
            WHEN r.is_virtual <> b.is_virtual
                THEN N'another series of the study is conventional and this one is virtual monoenergetic.'
            WHEN r.is_short <> b.is_short
                THEN N'it covers less than half as much of the body as the longest series of the study.'
            WHEN r.away <> b.away THEN N'the slice thickness of the chosen one is nearer to the range of the rule.'
            WHEN r.level <> b.level THEN N'the rule prefers the kernel of the chosen one.'
            WHEN r.images <> b.images AND (@PrefersSlices = 1 OR r.gap = b.gap) THEN N'the chosen one has more slices.'
            WHEN r.gap <> b.gap THEN N'the slices of the chosen one lie closer together.'
            ELSE N'the chosen one is alike and its UID sorts first.' END) END
    FROM #ranked AS r
    INNER JOIN #chosen AS c ON c.patient_id = r.patient_id AND c.study_uid = r.study_uid
    INNER JOIN #ranked AS b ON b.scan_id = c.scan_id
    INNER JOIN (
        SELECT patient_id, study_uid, COUNT(*) AS series FROM #ranked GROUP BY patient_id, study_uid
    ) AS t ON t.patient_id = r.patient_id AND t.study_uid = r.study_uid;

    DELETE c
    FROM dbo.series_choices AS c
    INNER JOIN dbo.scans AS s ON s.series_uid = c.series_uid
    INNER JOIN #why AS w ON w.scan_id = s.scan_id;
    INSERT INTO dbo.series_choices (series_uid, study_uid, patient_id, scan_id, is_taken, is_study_choice, reason, series_rule,
        number_images, slice_thickness, spacing_z, convolution_kernel)
    SELECT s.series_uid, s.study_uid, s.patient_id, s.scan_id, 1, w.is_choice, w.reason, @SeriesRule,
        s.number_images, s.slice_thickness, s.spacing_z, s.convolution_kernel
    FROM #why AS w
    INNER JOIN dbo.scans AS s ON s.scan_id = w.scan_id;
END;
