-- Every nodule of a scan as it is now, with where it lies among its pixels: slice, pixel_row and pixel_column count from 0 from the middle
-- of the first, as slices are stored, in fractions, and are NULL where dbo.scans does not know how the scan lies. product is the score
-- times those of the later stages; found_rank orders by it what a network found in the scan by a preprocessing, from 1.
CREATE OR ALTER VIEW dbo.nodule_list
AS
SELECT
    i.nodule_id,
    p.idx AS patient_index,
    i.scan_id,
    i.source,
    i.network_id,
    w.name AS network_name,
    w.version AS network_version,
    i.preprocessing,
    CASE WHEN i.source = 'network' THEN ROW_NUMBER() OVER (
        PARTITION BY i.scan_id, i.source, i.network_id, i.preprocessing ORDER BY i.product DESC, i.nodule_id) END AS found_rank,
    i.x,
    i.y,
    i.z,
    i.slice,
    (i.along_column * i.row_square - i.along_row * i.row_column) / i.normal_square / i.spacing_y AS pixel_row,
    (i.along_row * i.column_square - i.along_column * i.row_column) / i.normal_square / i.spacing_x AS pixel_column,
    i.diameter,
    i.volume,
    i.score,
    i.stages,
    i.product,
    i.readers,
    i.malignancy,
    i.is_relevant
FROM (
    -- What remains of the way from the first pixel once the slices are gone lies in the plane of rows and columns.
    SELECT f.*,
        (f.way_x - f.slice * f.step_x) * f.row_x + (f.way_y - f.slice * f.step_y) * f.row_y + (f.way_z - f.slice * f.step_z) * f.row_z
            AS along_row,
        (f.way_x - f.slice * f.step_x) * f.column_x + (f.way_y - f.slice * f.step_y) * f.column_y
            + (f.way_z - f.slice * f.step_z) * f.column_z AS along_column
    FROM (
        SELECT d.*, (d.way_x * d.normal_x + d.way_y * d.normal_y + d.way_z * d.normal_z)
            / NULLIF(d.step_x * d.normal_x + d.step_y * d.normal_y + d.step_z * d.normal_z, 0) AS slice,
            NULLIF(d.normal_x * d.normal_x + d.normal_y * d.normal_y + d.normal_z * d.normal_z, 0) AS normal_square
        FROM (
            SELECT n.*, s.patient_id, NULLIF(s.spacing_x, 0) AS spacing_x, NULLIF(s.spacing_y, 0) AS spacing_y,
                (SELECT COUNT(*) FROM dbo.nodule_scores AS t WHERE t.nodule_id = n.nodule_id) AS stages,
                n.score * COALESCE((
                    SELECT CASE WHEN MIN(t.score) > 0 THEN EXP(SUM(LOG(IIF(t.score > 0, t.score, 1)))) WHEN MIN(t.score) = 0 THEN 0 END
                    FROM dbo.nodule_scores AS t
                    WHERE t.nodule_id = n.nodule_id), 1) AS product,
                n.x - s.origin_x AS way_x, n.y - s.origin_y AS way_y, n.z - s.origin_z AS way_z,
                s.row_x, s.row_y, s.row_z, s.column_x, s.column_y, s.column_z, s.step_x, s.step_y, s.step_z,
                s.row_y * s.column_z - s.row_z * s.column_y AS normal_x,
                s.row_z * s.column_x - s.row_x * s.column_z AS normal_y,
                s.row_x * s.column_y - s.row_y * s.column_x AS normal_z,
                s.row_x * s.row_x + s.row_y * s.row_y + s.row_z * s.row_z AS row_square,
                s.column_x * s.column_x + s.column_y * s.column_y + s.column_z * s.column_z AS column_square,
                s.row_x * s.column_x + s.row_y * s.column_y + s.row_z * s.column_z AS row_column
            FROM dbo.nodules AS n
            INNER JOIN dbo.scans AS s ON s.scan_id = n.scan_id AND s.content_sha256 = n.content_sha256) AS d) AS f) AS i
INNER JOIN dbo.patients AS p ON p.patient_id = i.patient_id
LEFT JOIN dbo.networks AS w ON w.network_id = i.network_id;
