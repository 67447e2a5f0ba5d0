-- FindCopies: finds by their hashes scans and slices that several patients have, and patients who are in two parts, by T-SQL alone.
-- Called by InspectDataset, whose table #inspected it reads and whose table #findings it fills.
CREATE OR ALTER PROCEDURE internal.FindCopies
    @IsAgainst BIT,     -- 1 where parts are two data sets
    @Top INT            -- rows of each kind at most
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    CREATE TABLE #same (place INT NOT NULL, other INT NOT NULL, PRIMARY KEY (place, other));
    CREATE TABLE #slices (pixels_sha256 VARBINARY(32) NOT NULL, place INT NOT NULL, patient INT NOT NULL);
    INSERT INTO #same (place, other)
    SELECT f.first_place, i.place
    FROM #inspected AS i
    INNER JOIN (SELECT content_sha256, MIN(place) AS first_place FROM #inspected GROUP BY content_sha256) AS f
        ON f.content_sha256 = i.content_sha256
    INNER JOIN #inspected AS o ON o.place = f.first_place
    WHERE o.patient <> i.patient;
    INSERT INTO #findings (finding, severity, place, other, value)
    SELECT TOP (@Top) IIF(a.part >= 0 AND b.part >= 0 AND a.part <> b.part, N'same pixels across parts', N'same pixels'), 2,
        s.place, s.other, 1
    FROM #same AS s
    INNER JOIN #inspected AS a ON a.place = s.place
    INNER JOIN #inspected AS b ON b.place = s.other
    ORDER BY s.place, s.other;

    -- A blank slice is alike in many scans; gzip makes less than a hundredth of it.
    INSERT INTO #slices (pixels_sha256, place, patient)
    SELECT p.pixels_sha256, i.place, i.patient
    FROM #inspected AS i
    INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id
    INNER JOIN dbo.scan_images AS p ON p.scan_id = i.scan_id
    WHERE CAST(100 AS BIGINT) * DATALENGTH(p.pixels) >= CAST(2 AS BIGINT) * s.image_rows * s.image_cols;
    DELETE FROM #slices
    WHERE pixels_sha256 NOT IN (SELECT pixels_sha256 FROM #slices GROUP BY pixels_sha256 HAVING COUNT(DISTINCT patient) > 1);
    INSERT INTO #findings (finding, severity, place, other, value)
    SELECT TOP (@Top) IIF(a.part >= 0 AND b.part >= 0 AND a.part <> b.part, N'same slices across parts', N'same slices'), 2,
        p.place, p.other, CAST(p.slices AS FLOAT) / IIF(x.number_images < y.number_images, x.number_images, y.number_images)
    FROM (
        SELECT c.place, d.place AS other, COUNT(DISTINCT c.pixels_sha256) AS slices
        FROM #slices AS c
        INNER JOIN #slices AS d ON d.pixels_sha256 = c.pixels_sha256 AND d.patient <> c.patient AND d.place > c.place
        GROUP BY c.place, d.place) AS p
    INNER JOIN #inspected AS a ON a.place = p.place
    INNER JOIN #inspected AS b ON b.place = p.other
    INNER JOIN dbo.scans AS x ON x.scan_id = a.scan_id
    INNER JOIN dbo.scans AS y ON y.scan_id = b.scan_id
    WHERE a.content_sha256 <> b.content_sha256
    ORDER BY p.slices DESC, p.place, p.other;

    IF @IsAgainst = 1
        INSERT INTO #findings (finding, severity, place, other, value)
        SELECT TOP (@Top) N'patient in two sets', 2, MIN(CASE in_set WHEN 1 THEN place END), MIN(CASE in_other WHEN 1 THEN place END),
            COUNT(*)
        FROM #inspected
        GROUP BY patient
        HAVING MAX(in_set) = 1 AND MAX(in_other) = 1
        ORDER BY patient;
    INSERT INTO #findings (finding, severity, place, value)
    SELECT TOP (@Top) N'patient in two parts', 2, i.place, COUNT(DISTINCT x.classifier_id)
    FROM #inspected AS i
    INNER JOIN dbo.experiment_patients AS e ON e.patient_id = i.patient_id
    INNER JOIN dbo.experiments AS x ON x.experiment_id = e.experiment_id
    WHERE i.held_out = 1 AND i.stands = 1 AND e.part <> 'test'
    GROUP BY i.place
    ORDER BY i.place;
END;
