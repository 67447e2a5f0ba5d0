-- ShowNoduleTruth: what readers marked in a patient's scan, and which of it detectors found.
-- Example: EXECUTE dbo.ShowNoduleTruth @PatientIndex = 0;
CREATE OR ALTER PROCEDURE dbo.ShowNoduleTruth
    @PatientIndex INT = NULL, -- idx of the patient, 0 and up; needed without @ScanId
    @ScanId INT = NULL,       -- the scan, where it is not the patient's primary one
    @Help BIT = 0             -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ShowNoduleTruth returns what readers marked in a patient''s primary scan, or in the scan asked for, in two results.
First the nodules, the largest first: place, size, how many readers marked it, the median of their impressions of malignancy from 1 to
5, is_relevant as it was loaded, and is_nodule, 0 of what is neither to be found nor a false alarm: as EvaluateNodules unless it is told
otherwise, what is not relevant, or marked by fewer than 3 readers, or below 3 mm or a point. Then what detectors found of them: for each
nodule and detector the candidate with the highest score whose centre lies nearer to the nodule''s than its radius, and how near. As in
LUNA16, one that is marked as a point without a diameter is taken for 10 mm wide.
It is a procedure of its own, so that the right to call it can be withheld from those who read scans.
Parameters:
    @PatientIndex INT = NULL  idx of the patient, 0 and up; needed without @ScanId
    @ScanId INT = NULL        the scan, where it is not the patient''s primary one
    @Help BIT = 0             1 prints this help and does nothing else
Example:
    EXECUTE dbo.ShowNoduleTruth @PatientIndex = 0;';
        RETURN 0;
    END;

    CREATE TABLE #shown (
        nodule_id INT NOT NULL PRIMARY KEY, source VARCHAR(7) COLLATE DATABASE_DEFAULT NOT NULL, network_id INT NULL,
        network_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, network_version INT NULL,
        preprocessing NVARCHAR(32) COLLATE DATABASE_DEFAULT NULL, found_rank INT NULL, x FLOAT NOT NULL, y FLOAT NOT NULL, z FLOAT NOT NULL,
        diameter FLOAT NULL, product FLOAT NULL);
    CREATE TABLE #scans (scan_id INT NOT NULL PRIMARY KEY, content_sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #marked (
        nodule_id INT NOT NULL PRIMARY KEY, scan_id INT NOT NULL, is_nodule BIT NOT NULL, x FLOAT NOT NULL, y FLOAT NOT NULL,
        z FLOAT NOT NULL, diameter FLOAT NULL);
    EXECUTE internal.FindScan @PatientIndex, @ScanId OUTPUT;
    INSERT INTO #scans (scan_id, content_sha256)
    SELECT scan_id, content_sha256 FROM dbo.scans WHERE scan_id = @ScanId;
    EXECUTE internal.JudgeMarked;
    INSERT INTO #shown (
        nodule_id, source, network_id, network_name, network_version, preprocessing, found_rank, x, y, z, diameter, product)
    SELECT nodule_id, source, network_id, network_name, network_version, preprocessing, found_rank, x, y, z, diameter, product
    FROM dbo.nodule_list
    WHERE scan_id = @ScanId;
    SELECT n.nodule_id, n.x, n.y, n.z, n.slice, n.pixel_row, n.pixel_column, n.diameter, n.volume, n.readers, n.malignancy,
        n.is_relevant, m.is_nodule
    FROM dbo.nodule_list AS n
    INNER JOIN #marked AS m ON m.nodule_id = n.nodule_id
    WHERE n.scan_id = @ScanId
    ORDER BY m.is_nodule DESC, n.is_relevant DESC, n.diameter DESC, n.nodule_id;
    SELECT h.nodule_id, h.found_id, h.network_id, h.network_name, h.network_version, h.preprocessing, h.found_rank, h.product,
        SQRT(h.distance_square) AS distance
    FROM (
        SELECT a.*, ROW_NUMBER() OVER (PARTITION BY a.nodule_id, a.network_id, a.preprocessing ORDER BY a.found_rank) AS place
        FROM (
            SELECT t.nodule_id, COALESCE(t.diameter, 10) AS width, f.nodule_id AS found_id, f.network_id, f.network_name, f.network_version,
                f.preprocessing, f.found_rank, f.product,
                (f.x - t.x) * (f.x - t.x) + (f.y - t.y) * (f.y - t.y) + (f.z - t.z) * (f.z - t.z) AS distance_square
            FROM #shown AS t
            INNER JOIN #shown AS f ON f.source = 'network'
            WHERE t.source = 'truth') AS a
        WHERE a.distance_square < a.width * a.width / 4) AS h
    WHERE h.place = 1
    ORDER BY h.nodule_id, h.network_name, h.network_version, h.preprocessing;
END;
