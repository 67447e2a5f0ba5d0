-- ReadNodules: what detectors found in a patient's primary scan, or in the scan asked for.
-- Example: EXECUTE dbo.ReadNodules @PatientIndex = 0;
CREATE OR ALTER PROCEDURE dbo.ReadNodules
    @PatientIndex INT = NULL, -- idx of the patient, 0 and up; needed without @ScanId
    @ScanId INT = NULL,       -- the scan, where it is not the patient's primary one
    @Help BIT = 0             -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ReadNodules returns what detectors found in a patient''s primary scan, or in the scan asked for, in three results.
First the detectors that saw the scan as it is now, each with its preprocessing and how many nodules it found, which may be none. Then
the nodules, those of a detector together and the most probable first: x, y and z in millimetres, to the patient''s left, back and head;
slice, pixel_row and pixel_column from 0, as slices are stored, NULL where it is not known how the scan lies; diameter and volume in
millimetres; the detector''s score, how many later stages scored it, and the product of all. Last the scores of later stages.
What readers marked is told by ShowNoduleTruth alone.
Parameters:
    @PatientIndex INT = NULL  idx of the patient, 0 and up; needed without @ScanId
    @ScanId INT = NULL        the scan, where it is not the patient''s primary one
    @Help BIT = 0             1 prints this help and does nothing else
Example:
    EXECUTE dbo.ReadNodules @PatientIndex = 0;';
        RETURN 0;
    END;

    EXECUTE internal.FindScan @PatientIndex, @ScanId OUTPUT;
    SELECT w.network_id, w.name AS network_name, w.version AS network_version, a.preprocessing, SUM(a.found) AS nodules
    FROM (
        SELECT network_id, preprocessing, 1 AS found
        FROM dbo.nodule_list
        WHERE scan_id = @ScanId AND source = 'network'
        UNION ALL
        -- A detector that found nothing has features all the same. So have later stages, of a layer with this name, too.
        SELECT g.network_id, g.preprocessing, 0 AS found
        FROM dbo.features AS f
        INNER JOIN dbo.feature_sets AS g ON g.feature_set_id = f.feature_set_id
        INNER JOIN dbo.networks AS d ON d.network_id = g.network_id
        WHERE f.scan_id = @ScanId AND g.layer = N'nodules'
            AND JSON_VALUE(d.details, N'$.output.form') IN (N'boxes', N'retinanet', N'heatmap', N'segmentation')) AS a
    INNER JOIN dbo.networks AS w ON w.network_id = a.network_id
    GROUP BY w.network_id, w.name, w.version, a.preprocessing
    ORDER BY w.name, w.version, a.preprocessing;
    SELECT nodule_id, network_id, preprocessing, found_rank, x, y, z, slice, pixel_row, pixel_column, diameter, volume, score, stages,
        product
    FROM dbo.nodule_list
    WHERE scan_id = @ScanId AND source = 'network'
    ORDER BY network_name, network_version, preprocessing, found_rank;
    SELECT t.nodule_id, w.name AS network_name, w.version AS network_version, t.preprocessing, t.score
    FROM dbo.nodule_scores AS t
    INNER JOIN dbo.nodule_list AS n ON n.nodule_id = t.nodule_id
    INNER JOIN dbo.networks AS w ON w.network_id = t.network_id
    WHERE n.scan_id = @ScanId AND n.source = 'network'
    ORDER BY t.nodule_id, w.name, w.version, t.preprocessing;
END;
