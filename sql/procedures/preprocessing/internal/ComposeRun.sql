-- ComposeRun: writes the query of the rows that a script of RunOnDataset reads, which runs with the caller's own rights, and the script
-- with what brings its result over; refuses more rows than a script takes.
-- Called by RunOnDataset.
CREATE OR ALTER PROCEDURE internal.ComposeRun
    @What NVARCHAR(16),             -- scans, pictures, features or scores
    @VersionId INT,                 -- version of the data set
    @Script NVARCHAR(MAX),          -- Python
    @Composed NVARCHAR(MAX) OUTPUT, -- T-SQL
    @Program NVARCHAR(MAX) OUTPUT   -- Python
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Bytes BIGINT;
    IF @What = N'scans'
        EXECUTE internal.NeedPixels NULL, @VersionId;
    SET @Bytes = CASE @What
        WHEN N'scans' THEN (
            SELECT SUM(CAST(DATALENGTH(i.pixels) AS BIGINT))
            FROM dbo.dataset_members AS m
            INNER JOIN dbo.scan_images AS i ON i.scan_id = m.scan_id
            WHERE m.dataset_version_id = @VersionId)
        WHEN N'pictures' THEN (
            SELECT SUM(CAST(DATALENGTH(i.image) AS BIGINT))
            FROM dbo.dataset_members AS m
            INNER JOIN dbo.images AS i ON i.name = m.image_name
            WHERE m.dataset_version_id = @VersionId) END;
    -- Hexadecimal takes two characters a byte, and above 2 GB of them a runtime gives wrong data.
    IF @Bytes > 536870912
    BEGIN
        SET @Message = CONCAT(N'The ', @What, N' of the data set are ', @Bytes / 1000000,
            N' MB as they are stored, more than the 536 MB that a script takes. Make smaller data sets with CreateDataset.');
        THROW 50231, @Message, 1;
    END;
    SET @Composed = CASE @What
        WHEN N'scans' THEN N'
SELECT i.scan_id, s.patient_id, i.slice_index, s.image_rows, s.image_cols, s.spacing_z, s.spacing_y, s.spacing_x,
    CONVERT(VARCHAR(MAX), i.pixels, 2) AS pixels, CONVERT(VARCHAR(64), i.pixels_sha256, 2) AS pixels_sha256,
    COALESCE(i.encoding, N'''') AS encoding
FROM dbo.dataset_members AS m
INNER JOIN dbo.scans AS s ON s.scan_id = m.scan_id
INNER JOIN dbo.scan_images AS i ON i.scan_id = s.scan_id
WHERE m.dataset_version_id = @VersionId
ORDER BY i.scan_id, i.slice_index;'
        WHEN N'pictures' THEN N'
SELECT i.name, CASE WHEN o.part = N''train'' THEN i.label END AS label, i.patient_id, o.part,
    CONVERT(VARCHAR(MAX), i.image, 2) AS image, CONVERT(VARCHAR(64), i.sha256, 2) AS sha256
FROM dbo.dataset_members AS m
INNER JOIN dbo.images AS i ON i.name = m.image_name
INNER JOIN dbo.image_sources AS o ON o.name = i.name
WHERE m.dataset_version_id = @VersionId
ORDER BY i.name;'
        WHEN N'features' THEN N'
SELECT s.scan_id, s.patient_id, p.part, CASE WHEN p.part = N''train'' THEN l.label END AS label, f.vector
FROM dbo.dataset_members AS m
INNER JOIN dbo.scans AS s ON s.scan_id = m.scan_id
INNER JOIN dbo.pooled_features AS f ON f.scan_id = s.scan_id AND f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
LEFT JOIN dbo.splits AS p ON p.patient_id = s.patient_id
LEFT JOIN dbo.labels AS l ON l.patient_id = s.patient_id
WHERE m.dataset_version_id = @VersionId
ORDER BY s.scan_id;'
        ELSE N'
SELECT q.prediction_id, s.scan_id, s.patient_id, c.name AS model, c.version, q.probability, q.predicted
FROM dbo.dataset_members AS m
INNER JOIN dbo.scans AS s ON s.scan_id = m.scan_id
INNER JOIN dbo.predictions AS q ON q.scan_id = s.scan_id
INNER JOIN dbo.classifiers AS c ON c.classifier_id = q.classifier_id
WHERE m.dataset_version_id = @VersionId
ORDER BY q.prediction_id;' END;
    SET @Program = CONCAT(@Script, N'
from lungdb.procedures import lines_of_result as lungdb_lines
OutputDataSet, ErrorNumber, ErrorMessage = lungdb_lines(globals().get("OutputDataSet"), LungdbColumns)
');
END;
